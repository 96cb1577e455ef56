"""Run what a driver describes, without the supervisor: a real process, in a process group of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.base import Releasable
from autional_cli.drivers.choice import resources
from autional_cli.drivers.docker import container
from autional_cli.errors import AutionalError
from autional_cli.instance import BASES, BlockClaim, Instance, claim_block
from autional_cli.workspace.model import ResourceEntry, ServiceEntry, Stack
from services.chassis.spec import ServiceSpec
from tests.guard import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from autional_cli.drivers.base import ProcessSpec, Resource
    from autional_cli.workspace.model import Driver

READY_S = 40.0
WAKE_AFTER_S = 0.05
CALL = """
import importlib, sys
module, name = sys.argv[1].split(":")
sys.exit(getattr(importlib.import_module(module), name)())
"""

IDENTITY = ServiceSpec(
    name="identity",
    summary="users",
    port=11001,
    error_codes=range(100, 200),
    database="postgres",
    publishes=("user.created",),
    resources=("mailbox", "objects"),
)
SESSION = ServiceSpec(
    name="session",
    summary="sessions",
    port=11002,
    error_codes=range(200, 300),
    database="postgres",
    consumes=("user.created",),
)
AUDIT = ServiceSpec(name="audit", summary="trail", port=11003, error_codes=range(300, 400), database="mongo")
RISK = ServiceSpec(name="risk", summary="risk", port=11004, error_codes=range(400, 500), database="mongo")
SPECS = (IDENTITY, SESSION, AUDIT, RISK)


@dataclass(slots=True)
class Server:
    """A running process."""

    spec: ProcessSpec
    process: asyncio.subprocess.Process

    async def stop(self) -> int:
        """Stop it the way the supervisor does; returns its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(self.spec.stop_signal)
        async with asyncio.timeout(self.spec.stop_timeout_s):
            # Again and again: on a busy machine the thread of the first connection may take the signal for itself.
            while self.spec.wake_port and self.process.returncode is None:
                await asyncio.sleep(WAKE_AFTER_S)
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.spec.wake_port)
                    writer.close()
            return await self.process.wait()

    async def kill(self) -> None:
        """kill -9 of the process itself; what it forked is left to notice."""
        self.process.kill()
        async with asyncio.timeout(READY_S):
            await self.process.wait()


async def start(spec: ProcessSpec) -> Server:
    """Start a process of a driver."""
    argv = spec.argv or (sys.executable, "-c", CALL, spec.entry or "")
    environment = {"PATH": os.environ["PATH"], **spec.env}
    words, keep = guarded(argv, spec)
    with spec.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *words, env=environment, cwd=spec.cwd, stdout=log, stderr=log, start_new_session=True, pass_fds=keep
        )
    return Server(spec, process)


@asynccontextmanager
async def running(resource: Resource) -> AsyncIterator[Server]:
    """Bring a resource up as the supervisor does, and end it with its whole process group."""
    resource.inspect()
    await resource.prepare()
    spec = resource.process()
    assert spec is not None
    server = await start(spec)
    try:
        await resource.wait_ready(READY_S)
        await resource.provision()
        yield server
        await server.stop()
    finally:
        if server.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(server.process.pid, signal.SIGKILL)
            await server.process.wait()
        if isinstance(resource, Releasable):
            await resource.release()


def stack(driver: Driver = "embedded", **settings: dict[str, int | str]) -> Stack:
    """Return a stack of the services above; `settings` are those of resources by name."""
    return Stack(
        name="test",
        driver=driver,
        path=Path("stacks/test.yaml"),
        services={spec.name: ServiceEntry() for spec in SPECS},
        resources={name: ResourceEntry(settings=values) for name, values in settings.items()},
    )


def claim(instance: Instance) -> BlockClaim:
    """Claim a block of ports for a test, far from the default one that a developer may be using."""
    for base in reversed(BASES):
        instance.remember(block=base)
        with suppress(AutionalError):  # something else on this machine listens there
            return claim_block(instance)
    raise AssertionError("no block of ports is free on this machine")


def build(
    instance: Instance,
    specs: Iterable[ServiceSpec] = SPECS,
    driver: Driver = "embedded",
    **settings: dict[str, int | str],
) -> dict[str, Resource]:
    """Return the resources of an instance by name."""
    return {resource.name: resource for resource in resources(instance, stack(driver, **settings), specs)}


@dataclass(frozen=True)
class Either:
    """An instance on one of the drivers, for what must hold on each of them."""

    driver: Driver
    instance: Instance

    def build(self, specs: Iterable[ServiceSpec] = SPECS, **settings: dict[str, int | str]) -> dict[str, Resource]:
        """Return the resources of the instance by name."""
        return build(self.instance, specs, self.driver, **settings)

    async def kill(self, resource: Resource, server: Server) -> None:
        """kill -9 of the server itself, wherever it runs."""
        if self.driver == "docker":
            name = f"{container.Place.of(self.instance).prefix}-{resource.name}"
            container.engine().call("POST", f"/containers/{name}/kill")
            async with asyncio.timeout(READY_S):
                await server.process.wait()
        else:
            await server.kill()

    def discard(self) -> None:
        """Remove what is outside of the instance's directory."""
        if self.driver == "docker":
            container.remove_all(container.engine(), container.Place.of(self.instance))


def log_of(spec: ProcessSpec) -> str:
    """Return the raw output of a process."""
    return spec.log.read_text()


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, to prove that it was left alone."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
