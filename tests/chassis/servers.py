"""The real servers these tests run on, started once: PostgreSQL, the bus, the cache, a Mongo-protocol server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from autional_cli import secrets
from autional_cli.drivers.base import Resource
from autional_cli.environment import environment
from autional_cli.instance import Instance
from autional_cli.workspace.discover import discover
from autional_cli.workspace.model import ServiceEntry
from services.chassis.settings import Settings
from services.chassis.spec import ServiceSpec
from tests.guard import guarded
from tests.resources.running import CALL, READY_S, build, claim, stack

ROOT = Path(__file__).parents[2]
HAPPENED = "thing.happened"
OTHER = "thing.other"
PEER_OPERATIONS = (  # what the probes of these tests serve to witness, and some that nobody serves
    *(f"{method} /v1/things" for method in ("GET", "POST", "PATCH")),
    *(f"{method} /v1/things/{{number}}" for method in ("GET", "DELETE")),
    *(f"GET /v1/{name}" for name in ("conflict", "broken", "forever", "left", "stream", "slow")),
    *(f"GET /v1/internal/{name}" for name in ("ping", "chunks", "events")),
    *(f"POST /v1/internal/{name}" for name in ("slow", "block", "upload", "touch", "job")),
    "WEBSOCKET /v1/internal/talk",
)
PROBE = ServiceSpec(
    name="probe",
    summary="A service of the tests",
    port=11014,
    error_codes=range(9000, 9100),
    database="postgres",
    publishes=(HAPPENED, OTHER),
    consumes=(HAPPENED, OTHER),
    serves_grpc=True,
)
WITNESS = ServiceSpec(
    name="witness",
    summary="Another consumer of the same events, and a caller of probe",
    port=11015,
    error_codes=range(9100, 9200),
    database="mongo",
    calls=("probe",),
    invokes=(
        *(f"probe/{method}" for method in ("Requirement", "Verify", "Slow", "Count")),
        *(f"probe {operation}" for operation in PEER_OPERATIONS),
    ),
    consumes=(HAPPENED, OTHER),
)
GATEWAY = ServiceSpec(name="gateway", summary="The edge", port=11000, error_codes=range(1100, 1200))
WITH_MIGRATIONS = tuple(spec for spec in discover(ROOT).values() if spec.database == "postgres")
SPECS = (PROBE, WITNESS, GATEWAY, *WITH_MIGRATIONS)


@dataclass(slots=True)
class Server:
    """One resource as a process of its own that a test may kill and start again."""

    resource: Resource
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it on the data it has."""
        self.resource.inspect()
        await self.resource.prepare()
        spec = self.resource.process()
        assert spec is not None
        argv = spec.argv or (sys.executable, "-c", CALL, spec.entry or "")
        words, keep = guarded(argv, spec)
        with spec.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - it must outlive this event loop, and returns at once
                words,
                env={"PATH": os.environ["PATH"], **spec.env},
                cwd=spec.cwd,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=keep,
            )
        await self.resource.wait_ready(READY_S)
        await self.resource.provision()

    async def kill(self) -> None:
        """kill -9; what it forked notices by itself."""
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait, READY_S)
        self.process = None

    def end(self) -> None:
        """Stop it for good, with everything it forked."""
        if self.process is None:
            return
        spec = self.resource.process()
        assert spec is not None
        self.process.send_signal(spec.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(READY_S)


@dataclass(slots=True)
class Servers:
    """All servers of a test session, and what a service is told about them."""

    instance: Instance
    running: dict[str, Server] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Server:
        return self.running[name]

    def variables(self, spec: ServiceSpec, replica: int = 0) -> dict[str, str]:
        """Return the environment of a replica, as the supervisor would make it."""
        plan = stack().model_copy(update={"services": {known.name: ServiceEntry() for known in SPECS}})
        given = environment(self.instance, spec, plan, [s.resource for s in self.running.values()], replica)
        return given | {"AUTIONAL_OTLP_ENDPOINT": "", "AUTIONAL_LAME_DUCK_S": "0.2"}

    def settings(self, spec: ServiceSpec = PROBE, replica: int = 0) -> Settings:
        """Return the settings of a replica."""
        prefix = len("AUTIONAL_")
        values = {name[prefix:].lower(): value for name, value in self.variables(spec, replica).items()}
        values.pop("log_file")
        return Settings(**values)  # type: ignore[arg-type]

    def operator_url(self, name: str) -> str:
        """Return the URL of the operator at `redis` or `cache`."""
        known = secrets.read(self.instance)
        assert known is not None
        return f"redis://{secrets.OPERATOR}:{known.operator}@127.0.0.1:{self.instance.block.resource(name)}/0"


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Run all servers in `folder`, on a block of ports of their own."""
    instance = Instance.open(folder, "chassis")
    instance.create()
    with claim(instance):
        secrets.ensure_keys(instance, SPECS)
        found = {name: Server(resource) for name, resource in build(instance, SPECS).items()}
        all_of_them = Servers(instance, {name: server for name, server in found.items() if name in _WANTED})
        try:
            asyncio.run(_start(all_of_them))
            yield all_of_them
        finally:
            for server in all_of_them.running.values():
                server.end()
            instance.discard_run_dir()


_WANTED = ("postgres", "redis", "cache", "mongo")


async def _start(found: Servers) -> None:
    await asyncio.gather(*(server.start() for server in found.running.values()))


def secret() -> SecretStr:
    """Return a fresh sealing key."""
    return SecretStr(secrets.generate())
