"""MongoDB in a container: a user for each service, with its own database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.errors import AutionalError, ExitCode
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

    @property
    def users(self) -> dict[str, str]:
        """The passwords of the services by name."""
        return {name: self.secrets.password(name, "mongo") for name in self.services}

    def wishes(self) -> object:
        """Return the users."""
        return sorted(self.users.items())

    async def grant(self) -> None:
        """Create the users."""
        await asyncio.to_thread(mongo_users.provision, self.port, OPERATOR, self.secrets.operator, self.users)

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's own database."""
        if service.name not in self.services:
            raise AutionalError(f"{service.name} has no database here", exit_code=ExitCode.CONFIGURATION)
        password = self.secrets.password(service.name, "mongo")
        place = f"{LOOPBACK}:{self.port}/{service.name}"
        return f"mongodb://{service.name}:{password}@{place}?authSource=admin&directConnection=true"

    def admin_url(self) -> str:
        """Return the operator's URL."""
        credentials = f"{OPERATOR}:{self.secrets.operator}"
        return f"mongodb://{credentials}@{LOOPBACK}:{self.port}/?authSource=admin&directConnection=true"
