"""The process behind the development mailbox. Entry point: `main`.

Environment: AUTIONAL_SMTP_PORT, AUTIONAL_MAILBOX_DIR (a Maildir) and AUTIONAL_LOG_FILE (one line of JSON per mail).
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP

from autional_cli.ports import LOOPBACK
from autional_cli.resources.mail_store import MailStore
from autional_cli.supervisor.notify import notify

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

MAX_MAIL_BYTES = 10 << 20
IDLE_CONNECTION_S = 60.0
STOP_S = 0.5


class Keeper:
    """Has every mail stored that SMTP brings."""

    def __init__(self, folder: Path, log_file: Path | None) -> None:
        self.store = MailStore(folder, log_file)

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail of one SMTP transaction (called by aiosmtpd)."""
        try:
            self.store.keep(envelope.mail_from or "", envelope.rcpt_tos, bytes(envelope.original_content or b""))
        except OSError as failure:
            return f"452 4.3.1 the mail could not be stored: {failure.strerror}"
        return "250 2.0.0 kept"


async def serve(port: int, keeper: Keeper) -> None:
    """Take mail until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def session() -> SMTP:
        return SMTP(
            keeper,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="autional.localhost",
            ident="autional mailbox",
            timeout=IDLE_CONNECTION_S,
            loop=loop,
        )

    server = await loop.create_server(session, LOOPBACK, port)
    notify(READY=1, STATUS=f"taking mail on {LOOPBACK}:{port}")
    await stop.wait()
    notify(STOPPING=1)
    server.close()
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    if sessions:
        await asyncio.wait(sessions, timeout=STOP_S)


def main() -> int:
    """Run the mailbox of the environment; returns 0 after a clean stop."""
    log_file = os.environ.get("AUTIONAL_LOG_FILE")
    keeper = Keeper(Path(os.environ["AUTIONAL_MAILBOX_DIR"]), Path(log_file) if log_file else None)
    asyncio.run(serve(int(os.environ["AUTIONAL_SMTP_PORT"]), keeper))
    return 0
