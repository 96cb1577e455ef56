"""A service in a container: the image that production runs, on the network of this machine."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from autional_cli.drivers.base import WATCHDOG, ProcessSpec
from autional_cli.drivers.docker import container, trouble
from autional_cli.drivers.docker.contained import KEEPER, KEEPER_S, PACKAGE_ROOT, SOON_S
from autional_cli.drivers.docker.container import Container
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.resources import probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autional_cli.drivers.docker.container import Place
    from services.chassis.spec import ServiceSpec

FILES = ("AUTIONAL_PRIVATE_KEY_FILE", "AUTIONAL_TRUST_FILE")
MEMORY = "512m"


@dataclass(frozen=True, kw_only=True)
class ServiceContainer:
    """One replica. It sees of this machine its keys, the folder of logs and the socket that it reports to, no more.

    It shares the machine's network, because everything it talks to listens on the loopback interface alone; on Docker
    Desktop that needs its setting "host networking".
    """

    name: str
    service: str
    image: str
    place: Place
    env: Mapping[str, str] = field(repr=False)
    log: Path
    socket: Path
    port: int
    stop_s: float
    driver: str = "docker"

    @property
    def version(self) -> str:
        """The tag of the image."""
        return self.image.rpartition(":")[2]

    @property
    def ports(self) -> tuple[int, ...]:
        """The port of its HTTP server."""
        return (self.port,)

    def container(self) -> Container:
        """Return what the container is made of."""
        binds = {self.env[name]: "ro" for name in FILES}
        binds |= {os.path.dirname(self.env["AUTIONAL_LOG_FILE"]): "rw", str(self.socket): "rw"}  # noqa: PTH120 - text
        objects = urlsplit(self.env.get("AUTIONAL_OBJECTS_URL", ""))
        if objects.scheme == "file":
            binds[unquote(objects.path)] = "rw"
        return Container(
            image=self.image,
            command=(self.service,),
            env={**self.env, "NOTIFY_SOCKET": str(self.socket), **WATCHDOG},
            binds=binds,
            user=f"{os.getuid()}:{os.getgid()}",  # whose the keys and the logs are
            memory=MEMORY,
            on_host=True,
        )

    def inspect(self) -> None:
        """Refuse an image that is not there: it is built here, not pulled."""
        asked = container.engine()
        with trouble.explained(asked.address, self.name):
            if asked.image(self.image) is None:
                raise AutionalError(
                    f"{self.name}: there is no image {self.image} on this machine",
                    hint="autional image build — or run services as processes: autional up --services processes",
                    exit_code=ExitCode.BACKEND_UNAVAILABLE,
                )

    async def prepare(self) -> None:
        """Make the container if there is none as it is wanted now."""
        asked = container.engine()
        await asyncio.to_thread(container.settle, asked, self.place, self.name, self.container())

    def process(self) -> ProcessSpec:
        """Return the keeper."""
        command = (sys.executable, "-S", "-E", "-s", "-m", KEEPER)
        which = (container.engine().address, f"{self.place.prefix}-{self.name}", str(self.stop_s))
        return ProcessSpec(
            name=self.name,
            argv=(*command, *which),
            cwd=PACKAGE_ROOT,
            log=self.log,
            stop_timeout_s=self.stop_s + KEEPER_S,
            aftermath=(*command, "--stop", *which),
            notifies=True,
        )

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it says that it is ready."""
        await probe.until(
            lambda: probe.http(self.port, "/readyz"),
            what=f"{self.name} on 127.0.0.1:{self.port}",
            timeout_s=timeout_s,
            longest_pause_s=SOON_S,
        )

    async def provision(self) -> None:
        """Do nothing: a service has what it needs."""

    async def release(self) -> None:
        """Stop the container if it outlived its keeper."""
        asked = container.engine()
        with trouble.explained(asked.address, self.name), suppress(OSError):
            found = await asyncio.to_thread(asked.container, f"{self.place.prefix}-{self.name}")
            if found and found["State"]["Running"]:
                await asyncio.to_thread(asked.stop, found["Id"], self.stop_s)

    def url_for(self, service: ServiceSpec) -> str:
        """Return its address."""
        return self.admin_url()

    def admin_url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    async def remove(self) -> None:
        """Remove the container."""
        await asyncio.to_thread(container.remove, container.engine(), self.place, self.name)
