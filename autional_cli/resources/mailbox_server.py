"""The process behind the development mailbox. Entry point: `main`.

Environment: AUTIONAL_SMTP_PORT, AUTIONAL_MAILBOX_DIR (a Maildir) and AUTIONAL_LOG_FILE (one line of JSON per mail).
"""

from __future__ import annotations

import asyncio
import json
import mailbox
import os
import re
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

from autional_cli.ports import LOOPBACK
from autional_cli.resources.mailbox import RECIPIENTS_HEADER, SENDER_HEADER, Mail, parse
from autional_cli.supervisor.notify import notify

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

MAX_MAIL_BYTES = 10 << 20
MAX_LOGGED_CHARACTERS = 64 << 10
IDLE_CONNECTION_S = 60.0
STOP_S = 0.5
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")  # W3C Trace Context


class Keeper:
    """Stores every mail, then says so in the log."""

    def __init__(self, folder: Path, log_file: Path | None) -> None:
        self.maildir = mailbox.Maildir(folder, create=True)
        self.log_file = log_file

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail of one SMTP transaction (called by aiosmtpd)."""
        recipients = ", ".join(envelope.rcpt_tos)
        headers = f"{SENDER_HEADER}: {envelope.mail_from}\r\n{RECIPIENTS_HEADER}: {recipients}\r\n"
        content = headers.encode("utf-8") + bytes(envelope.original_content or b"")
        try:
            key = self.maildir.add(content)
        except OSError as failure:
            return f"452 4.3.1 the mail could not be stored: {failure.strerror}"
        self.log(parse(content), key)
        return "250 2.0.0 kept"

    def log(self, mail: Mail, key: str) -> None:
        """Append the mail to the structured log."""
        if self.log_file is None:
            return
        line: dict[str, Any] = {
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": "info",
            "service": "mailbox",
            "instance": "mailbox-0",
            "event": "mail received",
            "from": mail.sender,
            "to": list(mail.to),
            "subject": mail.subject,
            "text": mail.text[:MAX_LOGGED_CHARACTERS],
            "mail_id": key,
        }
        context = TRACEPARENT.fullmatch(str(mail.message.get("traceparent", "")))
        if context:
            line["trace_id"], line["span_id"] = context.groups()
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


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
