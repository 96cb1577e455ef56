"""The MongoDB protocol from the `secantusdb` wheel. It is GPL-2.0: a process of its own, never imported."""

from __future__ import annotations

import asyncio
import signal
import sys
import sysconfig
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.base import ProcessSpec
from autional_cli.ports import LOOPBACK
from autional_cli.resources import mongo_users, mongo_wire, probe, tools
from autional_cli.resources.bootstrap import bootstrapped
from autional_cli.resources.server import Server
from autional_cli.resources.storage import DataDir, explained, start_over, write_if_changed
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec

DISTRIBUTION = "secantusdb"
PROGRAM = "secantusd-py"
CONFIGURATION = "secantusd.toml"
BOOTSTRAP_S = 30.0
DAMAGED = ("WT_PANIC", "WT_ERROR", "WiredTiger error", "WT_TRY_SALVAGE", "checksum error")
STOP_S = 4.0
USERS_FINGERPRINT = "autional.users"
CACHE_SIZE = "64M"


@dataclass(frozen=True, kw_only=True)
class Mongo(Server):
    """One server for all services: a user for each, with its own database."""

    @property
    def version(self) -> str:
        return tools.version_of(DISTRIBUTION, 3)

    @property
    def data(self) -> DataDir:
        return DataDir(self.data_dir, "secantusdb-wiredtiger")

    def program(self) -> Path:
        """Return the path of the console script; AutionalError when the wheel is missing."""
        path = Path(sysconfig.get_path("scripts")) / PROGRAM
        if not path.is_file():
            raise tools.missing(f"the wheel {DISTRIBUTION} is not installed: there is no {path}")
        return path

    def inspect(self) -> None:
        self.program()
        self.data.inspect()
        if self.data.exists and not (self.data_dir / "WiredTiger").exists():
            raise self.data.unusable("is damaged: WiredTiger is missing")

    async def prepare(self) -> None:
        if not self.data.exists:
            with self.data.staged() as stage:
                await self.create(stage)
        with explained(self.data_dir):
            write_if_changed(self.data_dir / CONFIGURATION, self.configuration_text())

    async def create(self, stage: Path) -> None:
        """Make the users in a new store.

        The server has no way in before a user exists, so it runs once without passwords: on a private copy that nobody
        uses yet, on a port of the system's choice. An interruption leaves nothing but the copy, which is thrown away.
        """
        write_if_changed(stage / CONFIGURATION, self.configuration_text())
        command = partial(self.command, stage)
        async with bootstrapped(command, mongo_wire.hello, self.data_dir, BOOTSTRAP_S) as port:
            await mongo_users.create_first(port, OPERATOR, self.secrets.operator, self.logins.passwords)
        write_if_changed(stage / USERS_FINGERPRINT, mongo_users.fingerprint(self.logins.passwords))

    def command(self, home: Path, port: int) -> tuple[str, ...]:
        """Return the command line. The configuration file is named, so that none of the user's own is picked up."""
        script = (sys.executable, "-I", str(self.program()), "--config", str(home / CONFIGURATION))
        place = ("--host", LOOPBACK, "--port", str(port), "--storage-path", str(home))
        return (*script, *place, "--log-level", "WARNING", "--sync-on-commit")

    def configuration_text(self) -> str:
        """Return the server's configuration file."""
        merged: dict[str, Setting] = {"cache_size": CACHE_SIZE, **self.settings}
        lines = "".join(f"{key} = {quoted(value)}\n" for key, value in merged.items())
        return f"# Written by autional at every start; put your settings into the stack file.\n[storage]\n{lines}"

    def process(self) -> ProcessSpec:
        return ProcessSpec(
            name=self.name,
            argv=(*self.command(self.data_dir, self.port), "--auth"),
            env={"HOME": str(self.data_dir), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            cwd=self.data_dir,
            log=self.log,
            stop_timeout_s=STOP_S,
            kill_signal=signal.SIGTERM,  # it may miss the first one; SIGKILL, which follows, loses nothing either
            wake_port=self.port,
            background=True,  # it serves the audit trail, which may be late
        )

    def advice(self, output: Sequence[str]) -> str:
        """Return how to go on with a store whose files are damaged."""
        return start_over(self.data_dir) if any(word in line for line in output for word in DAMAGED) else ""

    async def wait_ready(self, timeout_s: float) -> None:
        await probe.until(
            lambda: mongo_wire.hello(self.port), what=f"mongo on {LOOPBACK}:{self.port}", timeout_s=timeout_s
        )

    async def provision(self) -> None:
        wanted = self.logins.passwords
        state = mongo_users.fingerprint(wanted)
        path = self.data_dir / USERS_FINGERPRINT
        if path.is_file() and path.read_text(encoding="ascii") == state:
            return
        await asyncio.to_thread(mongo_users.provision, self.port, OPERATOR, self.secrets.operator, wanted)
        write_if_changed(path, state)

    def url_for(self, service: ServiceSpec) -> str:
        return mongo_users.service_url(self.logins, service)

    def admin_url(self) -> str:
        return mongo_users.operator_url(self.logins)

    async def remove(self) -> None:
        self.data.remove()


def quoted(value: Setting) -> str:
    """Return a value as TOML wants it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
