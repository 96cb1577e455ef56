"""The development mailbox: an SMTP server that keeps every mail, and a reader that waits for one."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.base import ProcessSpec
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe, tools
from autional_cli.resources.storage import explained, refuse_full_disk

if TYPE_CHECKING:
    from email.message import EmailMessage

    from services.chassis.spec import ServiceSpec

ENTRY = "autional_cli.resources.mailbox_server:main"
FOLDERS = ("tmp", "new", "cur")  # of a Maildir
SENDER_HEADER, RECIPIENTS_HEADER = "X-MailFrom", "X-RcptTo"
WATCH_STEP_MS = 10


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """An SMTP server on the loopback interface that stores mails in a Maildir and never sends any on."""

    data_dir: Path
    log: Path
    log_file: Path
    port: int
    name: str = "mailbox"
    driver: str = "embedded"

    @property
    def version(self) -> str:
        return tools.version_of("aiosmtpd", 3)

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port,)

    def inspect(self) -> None:
        tools.wheel("aiosmtpd", "aiosmtpd")
        refuse_full_disk(self.data_dir)
        if self.data_dir.is_dir() and not set(FOLDERS).issuperset(path.name for path in self.data_dir.iterdir()):
            raise AutionalError(
                f"{self.data_dir} is not a mailbox of ours; nothing in it was changed",
                hint=f"move it away: mv {self.data_dir} {self.data_dir}.old",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            )

    async def prepare(self) -> None:
        with explained(self.data_dir):
            for folder in (self.data_dir, *(self.data_dir / name for name in FOLDERS)):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def process(self) -> ProcessSpec:
        return ProcessSpec(
            name=self.name,
            entry=ENTRY,
            env={
                "AUTIONAL_SMTP_PORT": str(self.port),
                "AUTIONAL_MAILBOX_DIR": str(self.data_dir),
                "AUTIONAL_LOG_FILE": str(self.log_file),
            },
            cwd=self.data_dir,
            log=self.log,
            stop_timeout_s=5.0,
            background=True,
        )

    async def wait_ready(self, timeout_s: float) -> None:
        await probe.until(lambda: probe.smtp(self.port), what=f"mailbox on {LOOPBACK}:{self.port}", timeout_s=timeout_s)

    async def provision(self) -> None:
        """Do nothing: it takes mail from every process of this machine's owner."""

    def url_for(self, service: ServiceSpec) -> str:
        return self.admin_url()

    def admin_url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.port}"

    async def remove(self) -> None:
        with explained(self.data_dir):
            if self.data_dir.exists():
                shutil.rmtree(self.data_dir)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that arrived; `to` are the recipients of the envelope."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    message: EmailMessage = field(repr=False)


@dataclass(slots=True)
class MailboxReader:
    """Reads a mailbox; each mail is returned once. It looks into a file once, however many wait."""

    data_dir: Path
    _known: set[str] = field(default_factory=set)
    _unread: dict[str, list[Mail]] = field(default_factory=dict)  # by recipient, oldest first

    async def wait_for(self, *, to: str, subject: str = "", timeout_s: float) -> Mail:
        """Return the next mail to `to` whose subject contains `subject`, oldest first, arrived or still to come.

        Raises AutionalError (exit 5) after `timeout_s` seconds.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self.next_mail(to, subject)
        except TimeoutError:
            about = f" about {subject!r}" if subject else ""
            raise AutionalError(
                f"no mail to {to}{about} arrived within {timeout_s:g} s",
                hint="autional logs mailbox notification",
                exit_code=ExitCode.WAIT_TIMED_OUT,
            ) from None

    async def next_mail(self, to: str, subject: str) -> Mail:
        """Wait without a deadline."""
        import watchfiles

        stop = asyncio.Event()
        changes = watchfiles.awatch(self.data_dir / "new", step=WATCH_STEP_MS, stop_event=stop)
        async with aclosing(changes):
            change = asyncio.ensure_future(anext(changes))
            try:
                await asyncio.sleep(0)  # the watch begins before the first look, so no arrival falls between the two
                while True:
                    found = self.find(to, subject)
                    if found:
                        return found
                    await change
                    change = asyncio.ensure_future(anext(changes))
            finally:
                stop.set()
                await asyncio.gather(change, return_exceptions=True)

    def find(self, to: str, subject: str) -> Mail | None:
        """Return the oldest mail that matches and was not returned before."""
        self._take_in()
        for mail in self._unread.get(to.lower(), ()):
            if subject in mail.subject:
                for recipient in mail.to:
                    self._unread[recipient.lower()].remove(mail)
                return mail
        return None

    def _take_in(self) -> None:
        with os.scandir(self.data_dir / "new") as entries:
            fresh = [entry for entry in entries if entry.name not in self._known]
        for entry in sorted(fresh, key=lambda entry: (entry.stat().st_mtime_ns, entry.name)):
            self._known.add(entry.name)
            mail = parse(Path(entry.path).read_bytes())
            for recipient in mail.to:
                self._unread.setdefault(recipient.lower(), []).append(mail)


def parse(content: bytes) -> Mail:
    """Return a stored mail."""
    from email import message_from_bytes, policy

    message: EmailMessage = message_from_bytes(content, policy=policy.default)
    body = message.get_body(("plain", "html"))
    return Mail(
        sender=str(message.get(SENDER_HEADER, "")),
        to=tuple(part.strip() for part in str(message.get(RECIPIENTS_HEADER, "")).split(",") if part.strip()),
        subject=str(message.get("Subject", "")),
        text=str(body.get_content()) if body else "",
        message=message,
    )
