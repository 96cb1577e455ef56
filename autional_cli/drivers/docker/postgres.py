"""PostgreSQL in a container: a role and a database per service, as in the embedded driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import postgres_roles, probe
from autional_cli.resources.postgres_config import pg_hba, postgresql_conf
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec

HOME = "/var/lib/postgresql"  # where the official images of 18 and later declare their volume
FILES = "/etc/autional"
DEFAULTS: Mapping[str, Setting] = {"unix_socket_directories": "/var/run/postgresql", "shared_buffers": "64MB"}
# All interfaces of the container, which is published on the loopback interface only.
LISTENING: Mapping[str, Setting] = {"listen_addresses": "*", "port": 5432}
ACCESS = f"local   all       {OPERATOR}            scram-sha-256\n{pg_hba('all')}"


@dataclass(frozen=True, kw_only=True)
class Postgres(Contained):
    """One server for all services."""

    def container(self) -> Container:
        """Return the container of the official image; its entry makes the cluster on the first start."""
        settings = postgresql_conf(DEFAULTS, self.settings, LISTENING)
        return Container(
            image=self.image,
            command=(
                *("postgres", "-c", f"config_file={FILES}/postgresql.conf"),
                *("-c", f"hba_file={FILES}/pg_hba.conf"),
            ),
            env=self.env(
                POSTGRES_USER=OPERATOR,
                POSTGRES_PASSWORD=self.secrets.operator,
                POSTGRES_DB="postgres",
                POSTGRES_INITDB_ARGS="--locale=C --encoding=UTF8 --auth=scram-sha-256",
                PGDATA=f"{HOME}/autional",
            ),
            ports={5432: self.port},
            files={f"{FILES}/postgresql.conf": settings, f"{FILES}/pg_hba.conf": ACCESS},
            volume=HOME,
            user="postgres",
            stop_signal="SIGINT",  # fast shutdown: open transactions are rolled back
            shm="256m",
        )

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it asks for a password."""
        what = f"postgres on {LOOPBACK}:{self.port}"
        await probe.until(
            lambda: probe.postgres(self.port, OPERATOR), what=what, timeout_s=timeout_s, longest_pause_s=SOON_S
        )

    def wishes(self) -> object:
        """Return roles and limits."""
        return sorted(self.logins.passwords.items()), postgres_roles.LIMITS

    async def grant(self) -> None:
        """Create roles and databases."""
        await postgres_roles.provision(self.port, OPERATOR, self.secrets.operator, self.logins.passwords)

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's own database."""
        return postgres_roles.service_url(self.logins, service)

    def admin_url(self) -> str:
        """Return the operator's URL."""
        return postgres_roles.operator_url(self.logins)
