"""PostgreSQL in a container: a role and a database per service, as in the embedded driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK
from autional_cli.resources import postgres_roles, probe
from autional_cli.resources.postgres_config import quoted
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec

HOME = "/var/lib/postgresql"  # where the official images of 18 and later declare their volume
FILES = "/etc/autional"
DEFAULTS: Mapping[str, Setting] = {
    "listen_addresses": "*",  # inside the container; it is published on the loopback interface only
    "unix_socket_directories": "/var/run/postgresql",
    "max_connections": 400,
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "posix",
    "jit": False,
    "max_wal_senders": 0,
    "wal_level": "minimal",
    "checkpoint_timeout": "15min",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": False,
    "log_timezone": "UTC",
    "timezone": "UTC",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.english",
}
# `sameuser`: a role reaches the database of its own name and no other; the operator reaches all.
ACCESS = f"""\
local   all       {OPERATOR}         scram-sha-256
host    all       {OPERATOR}  all    scram-sha-256
host    sameuser  all         all    scram-sha-256
"""


@dataclass(frozen=True, kw_only=True)
class Postgres(Contained):
    """One server for all services."""

    def container(self) -> Container:
        """Return the container of the official image; its entry makes the cluster on the first start."""
        merged = {**DEFAULTS, **self.settings}
        lines = "".join(f"{name} = {quoted(value)}\n" for name, value in merged.items())
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
            files={f"{FILES}/postgresql.conf": lines, f"{FILES}/pg_hba.conf": ACCESS},
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

    @property
    def passwords(self) -> dict[str, str]:
        """The passwords of the services by name."""
        return {name: self.secrets.password(name, "postgres") for name in self.services}

    def wishes(self) -> object:
        """Return roles and limits."""
        return sorted(self.passwords.items()), postgres_roles.LIMITS

    async def grant(self) -> None:
        """Create roles and databases."""
        await postgres_roles.provision(self.port, OPERATOR, self.secrets.operator, self.passwords)

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's own database."""
        if service.name not in self.services:
            raise AutionalError(f"{service.name} has no database here", exit_code=ExitCode.CONFIGURATION)
        password = self.secrets.password(service.name, "postgres")
        return f"postgresql+asyncpg://{service.name}:{password}@{LOOPBACK}:{self.port}/{service.name}"

    def admin_url(self) -> str:
        """Return the operator's URL."""
        return f"postgresql://{OPERATOR}:{self.secrets.operator}@{LOOPBACK}:{self.port}/postgres"
