"""A mail catcher in a container: Mailpit. Its keeper copies the mails to the Maildir that the platform reads."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.contained import KEEPER, SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe
from autional_cli.resources.mailbox import FOLDERS
from autional_cli.resources.storage import explained

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.drivers.base import ProcessSpec

MAIL_KEEPER = "autional_cli.drivers.docker.mail_keeper"


@dataclass(frozen=True, kw_only=True)
class Mailbox(Contained):
    """SMTP on `port`; `api_port` is its HTTP interface and its page. Mails are kept in `mailbox_dir`."""

    api_port: int
    mailbox_dir: Path
    log_file: Path

    def container(self) -> Container:
        """Return the container of the official image; mails are kept outside of it."""
        return Container(
            image=self.image,
            env=self.env(
                MP_DATABASE="/tmp/mailpit.db",  # noqa: S108 - inside the container
                MP_VERBOSE="true",  # a line per mail, which the keeper waits for
                MP_MAX_MESSAGES="5000",
                MP_SMTP_DISABLE_RDNS="true",  # a name server would be asked about every connection
            ),
            ports={1025: self.port, 8025: self.api_port},
            memory="256m",
        )

    async def prepare(self) -> None:
        """Make the container and the Maildir."""
        await super().prepare()
        with explained(self.mailbox_dir):
            for folder in (self.mailbox_dir, *(self.mailbox_dir / name for name in FOLDERS)):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def process(self) -> ProcessSpec:
        """Return the keeper that copies mails."""
        spec = super().process()
        env = {
            "AUTIONAL_MAIL_API": str(self.api_port),
            "AUTIONAL_MAILBOX_DIR": str(self.mailbox_dir),
            "AUTIONAL_LOG_FILE": str(self.log_file),
        }
        return replace(spec, argv=tuple(MAIL_KEEPER if part == KEEPER else part for part in spec.argv), env=env)

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it greets."""
        what = f"mailbox on {LOOPBACK}:{self.port}"
        await probe.until(lambda: probe.smtp(self.port), what=what, timeout_s=timeout_s, longest_pause_s=SOON_S)

    def admin_url(self) -> str:
        """Return where mails are sent to."""
        return f"smtp://{LOOPBACK}:{self.port}"

    async def remove(self) -> None:
        """Remove the container and the mails."""
        await super().remove()
        with explained(self.mailbox_dir):
            shutil.rmtree(self.mailbox_dir, ignore_errors=True)
