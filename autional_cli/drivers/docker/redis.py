"""Redis in containers: the bus and the cache, with the access rules of the embedded driver."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker import container
from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe, redis_acl, tools
from autional_cli.resources.connection import NotReadyError
from autional_cli.resources.redis_config import redis_conf
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec

DATA, FILES = "/data", "/etc/autional"


@dataclass(frozen=True, kw_only=True)
class Redis(Contained):
    """The bus (`name="redis"`) or the cache (`name="cache"`)."""

    def container(self) -> Container:
        """Return the container; who may do what is a file that can change while it runs."""
        # All interfaces of the container, which is published on the loopback interface only.
        listening: dict[str, Setting] = {"bind": "*", "port": 6379, "protected-mode": False}
        fixed = {**listening, "dir": DATA, "aclfile": f"{FILES}/users.acl"}
        return Container(
            image=self.image,
            command=("redis-server", f"{FILES}/redis.conf"),
            env=self.env(),
            ports={6379: self.port},
            files={f"{FILES}/redis.conf": redis_conf(self.name, self.settings, fixed)},
            live_files=self.users,
            volume=DATA,
            user="redis",
            memory="512m",
        )

    @property
    def users(self) -> dict[str, str]:
        """The file of users by its path."""
        return {f"{FILES}/users.acl": redis_acl.acl_file(self.name, self.secrets, self.specs)}

    @property
    def login(self) -> tuple[str, str, str]:
        """The command that makes a connection the operator's."""
        return ("AUTH", OPERATOR, self.secrets.operator)

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it answers the operator."""
        what = f"{self.name} on {LOOPBACK}:{self.port}"
        await probe.until(
            lambda: probe.redis(self.port, self.login, ("PING",)),
            what=what,
            timeout_s=timeout_s,
            longest_pause_s=SOON_S,
        )

    def wishes(self) -> object:
        """Return the users."""
        return self.users

    async def grant(self) -> None:
        """Set the users one by one: loading the file would close everybody's connections up to Redis 7.0.

        The file is for the next start.
        """
        asked = container.engine()
        await asyncio.to_thread(container.write, asked, self.place, self.name, self.users)
        lines = [line.split() for text in self.users.values() for line in text.splitlines()]
        try:
            await probe.redis(
                self.port, self.login, *(("ACL", "SETUSER", line[1], "reset", *line[2:]) for line in lines)
            )
        except (OSError, EOFError, NotReadyError) as failure:
            raise tools.failed(f"{self.name} refused its users: {failure}", self.state_dir) from failure

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's own user."""
        return redis_acl.service_url(self.logins, service)

    def admin_url(self) -> str:
        """Return the operator's URL."""
        return redis_acl.operator_url(self.logins)
