"""MongoDB in a container: a user for each service, with its own database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import mongo_users, mongo_wire, probe
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from services.chassis.spec import ServiceSpec

CACHE_GB = "0.25"


@dataclass(frozen=True, kw_only=True)
class Mongo(Contained):
    """One server for all services. `settings` are the server's parameters (`--setParameter`)."""

    def container(self) -> Container:
        """Return the container of the official image; its entry makes the operator on the first start."""
        parameters = (part for key, value in self.settings.items() for part in ("--setParameter", f"{key}={value}"))
        return Container(
            image=self.image,
            command=("mongod", "--bind_ip_all", "--quiet", "--wiredTigerCacheSizeGB", CACHE_GB, *parameters),
            env=self.env(MONGO_INITDB_ROOT_USERNAME=OPERATOR, MONGO_INITDB_ROOT_PASSWORD=self.secrets.operator),
            ports={27017: self.port},
            volume="/data/db",
            user="mongodb",
        )

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it says hello."""
        what = f"mongo on {LOOPBACK}:{self.port}"
        await probe.until(lambda: mongo_wire.hello(self.port), what=what, timeout_s=timeout_s, longest_pause_s=SOON_S)

    def wishes(self) -> object:
        """Return the users."""
        return sorted(self.logins.passwords.items())

    async def grant(self) -> None:
        """Create the users."""
        wanted = self.logins.passwords
        await asyncio.to_thread(mongo_users.provision, self.port, OPERATOR, self.secrets.operator, wanted)

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's own database."""
        return mongo_users.service_url(self.logins, service)

    def admin_url(self) -> str:
        """Return the operator's URL."""
        return mongo_users.operator_url(self.logins)
