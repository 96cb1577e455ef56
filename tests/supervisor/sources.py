"""Topologies for tests: `topology.json` of the workspace says what to run."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.drivers.base import ProcessSpec
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.plan import Topology, UnitDef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from autional_cli.instance import Instance
    from autional_cli.supervisor.request import Request
    from services.chassis.spec import ServiceSpec


class FromFile:
    """A source for the supervisor: units as `topology.json` lists them."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def build(self, request: Request) -> Topology:
        path = self.instance.root / "topology.json"
        listed = json.loads(path.read_text())
        if problem := listed.get("problem"):
            raise AutionalError(problem, exit_code=ExitCode.CONFIGURATION)
        wanted = request.services or tuple(unit["name"] for unit in listed["units"])
        units = tuple(self.unit(unit) for unit in listed["units"] if unit["name"] in wanted or unit.get("resource"))
        gateway = next((unit.url for unit in units if unit.name == "gateway"), "")
        return Topology(units=units, driver="embedded", gateway=gateway)

    def unit(self, listed: dict[str, Any]) -> UnitDef:
        name, port = listed["name"], listed.get("port")
        env = {"AUTIONAL_HTTP_PORT": str(port), "UNIT": name, **listed.get("env", {})}
        log = self.instance.logs_dir / f"{name}.out"
        stop = listed.get("stop_timeout_s", 5.0)
        process = None
        if listed.get("entry"):
            process = ProcessSpec(name=name, entry=listed["entry"], env=env, log=log, stop_timeout_s=stop)
            process = replace(process, background=listed.get("background", False))
        if process and listed.get("hands_over"):
            process = replace(process, listen=port, hurries=True, successor_env={"SUCCESSOR": "1"})
        if process and listed.get("holds"):
            process = replace(process, holds=True)
        resource = Server(name, int(port or 0), log, self.instance.data_dir / name) if listed.get("resource") else None
        task = Once(self.instance.data_dir / f".{name}", listed.get("pause")) if listed.get("task") else None
        return UnitDef(
            name=name,
            kind="resource" if resource else "task" if task else "service",
            process=process,
            resource=resource,
            task=task,
            needs=tuple(listed.get("needs", ())),
            calls=tuple(listed.get("calls", ())),
            watched=tuple(self.instance.root / folder for folder in listed.get("watched", ())),
            ports=(port,) if port else (),
            url=resource.admin_url() if resource else f"http://127.0.0.1:{port}" if port else "",
            start_timeout_s=listed.get("start_timeout_s", 20.0),
        )

    def close(self) -> None:
        if self.instance.home.exists():
            (self.instance.home / "source-closed").touch()


@dataclass
class Once:
    """A task that is done when its marker exists; may pause a unit when it finishes."""

    marker: Path
    paused: str | None = None

    def is_done(self) -> bool:
        return self.marker.exists()

    async def finish(self, pause: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
        async def save() -> None:
            self.marker.with_suffix(".saved").touch()

        if self.paused:
            await pause(self.paused, save)
        self.marker.touch()


@dataclass
class Server:
    """A resource that is a program: an HTTP server of the standard library."""

    name: str
    port: int
    log: Path
    data: Path
    driver: str = "embedded"
    version: str = "1"

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port,)

    @property
    def data_dir(self) -> Path:
        return self.data

    def inspect(self) -> None:
        if (self.data / "foreign").exists():
            raise AutionalError(
                f"{self.data} holds files of something else", hint="move them", exit_code=ExitCode.BACKEND_UNAVAILABLE
            )

    async def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)

    def process(self) -> ProcessSpec:
        argv = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(self.port))
        return ProcessSpec(name=self.name, argv=argv, log=self.log, cwd=self.data, stop_timeout_s=5.0)

    async def wait_ready(self, timeout_s: float) -> None:
        import asyncio

        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.025)
                else:
                    writer.close()
                    return

    async def provision(self) -> None:
        (self.data / "provisioned").write_text(str(os.getpid()))

    def url_for(self, service: ServiceSpec) -> str:
        return f"http://127.0.0.1:{self.port}/{service.name}"

    def admin_url(self) -> str:
        return f"http://autional:secret@127.0.0.1:{self.port}"

    async def remove(self) -> None:
        (self.data / "provisioned").unlink(missing_ok=True)
