"""What all resources in containers have in common; each says what its container is and when it is ready."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import autional_cli
from autional_cli.drivers.base import ProcessSpec
from autional_cli.drivers.docker import container, trouble
from autional_cli.drivers.docker.images import OFFICIAL
from autional_cli.resources.logins import Shared
from autional_cli.resources.storage import write_if_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.drivers.docker.container import Container, Place
    from autional_cli.secrets import Secrets
    from autional_cli.workspace.model import ResourceEntry, Setting
    from services.chassis.spec import ServiceSpec

PACKAGE_ROOT = Path(autional_cli.__file__).parent.parent
KEEPER = "autional_cli.drivers.docker.keeper"
STOP_S = 10.0
KEEPER_S = 5.0  # what the keeper has for itself when the container has been stopped
SOON_S = 0.025  # between two questions whether a server is there
PROVISIONED = "provisioned"


@dataclass(frozen=True, kw_only=True)
class Contained(Shared, ABC):
    """One resource in a container. `state_dir` has notes about what was done to its volume; they go with the volume."""

    name: str
    place: Place
    entry: ResourceEntry
    state_dir: Path
    log: Path
    port: int
    secrets: Secrets = field(repr=False)
    specs: tuple[ServiceSpec, ...] = ()
    driver: str = "docker"

    @property
    def image(self) -> str:
        """The image: the stack's, or the official one."""
        return self.entry.image or OFFICIAL[self.name]

    @property
    def version(self) -> str:
        """The tag of the image; a registry's port and a digest are none."""
        name, _, tag = self.image.rpartition("/")[2].partition("@")[0].partition(":")
        return tag or name

    @property
    def ports(self) -> tuple[int, ...]:
        """The loopback ports that the container is published on."""
        return tuple(self.container().ports.values())

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The server's settings in the stack."""
        return self.entry.settings

    @abstractmethod
    def container(self) -> Container:
        """Return what the container is made of."""

    @abstractmethod
    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it answers."""

    def env(self, **fixed: str) -> dict[str, str]:
        """Return the environment of the container: the stack's, under what the driver relies on."""
        return {**self.entry.env, **fixed}

    def inspect(self) -> None:
        """Refuse an engine of another machine."""
        container.engine()

    async def prepare(self) -> None:
        """Pull the image, make the container if there is none as it is wanted now. It does not run yet."""
        is_new = await asyncio.to_thread(
            container.settle, container.engine(), self.place, self.name, self.container(), self.entry.memory
        )
        if is_new:
            shutil.rmtree(self.state_dir, ignore_errors=True)
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def process(self) -> ProcessSpec:
        """Return the keeper."""
        command = (sys.executable, "-S", "-E", "-s", "-m", KEEPER)
        which = (container.engine().address, f"{self.place.prefix}-{self.name}", str(STOP_S))
        return ProcessSpec(
            name=self.name,
            argv=(*command, *which),
            cwd=PACKAGE_ROOT,
            log=self.log,
            stop_timeout_s=STOP_S + KEEPER_S,
            aftermath=(*command, "--stop", *which),
        )

    async def release(self) -> None:
        """Stop the container if it outlived its keeper. Without an engine no container runs."""
        asked = container.engine()
        with trouble.explained(asked.address, self.name), suppress(OSError):
            found = await asyncio.to_thread(asked.container, f"{self.place.prefix}-{self.name}")
            if found and found["State"]["Running"]:
                await asyncio.to_thread(asked.stop, found["Id"], STOP_S)

    async def provision(self) -> None:
        """Give every service what is its own, unless that was done with the same wishes."""
        state = hashlib.sha256(repr(self.wishes()).encode()).hexdigest()
        note = self.state_dir / PROVISIONED
        if note.is_file() and note.read_text(encoding="ascii") == state:
            return
        await self.grant()
        write_if_changed(note, state)

    def wishes(self) -> object:
        """Return what `grant` depends on; the passwords in it are 32 random bytes, so a digest gives nothing away."""
        return None

    async def grant(self) -> None:
        """Create databases, users, buckets; nothing where a server has no such thing."""
        return

    @abstractmethod
    def admin_url(self) -> str:
        """Return the operator's URL."""

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service; the same for all where there is nothing to tell them apart by."""
        return self.admin_url()

    async def remove(self) -> None:
        """Remove container and volume."""
        if self.place.used.exists():
            await asyncio.to_thread(container.remove, container.engine(), self.place, self.name)
        shutil.rmtree(self.state_dir, ignore_errors=True)
