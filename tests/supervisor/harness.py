"""A workspace with a supervisor of its own, driven through the same client as the commands."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.supervisor import client
from autional_cli.supervisor.process import is_alive, start_time
from tests.guard import keep_promise, promise

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRIES = "tests.supervisor.entries"
OPTIONS = ("--source", "tests.supervisor.sources:FromFile", "--preload", "http.server")


@dataclass
class Harness:
    """One instance in one directory."""

    root: Path
    method: str
    seen: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        promise(self.root, self.instance.name)

    @property
    def instance(self) -> Instance:
        return Instance.open(self.root, "default")

    def define(self, *units: dict[str, Any], **more: Any) -> None:
        (self.root / "topology.json").write_text(json.dumps({"units": units, **more}))

    def up(self, *services: str, timeout_s: float = 30.0, **fields: Any) -> dict[str, Any]:
        with client.attach_or_start(self.instance, OPTIONS) as connection:
            result: dict[str, Any] = connection.request("up", services=services, timeout_s=timeout_s, **fields)
        self.remember()
        return result

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        with client.require(self.instance) as connection:
            result: dict[str, Any] = connection.request(op, **fields)
            return result

    def down(self, **fields: Any) -> dict[str, Any]:
        with client.require(self.instance) as connection:
            result: dict[str, Any] = connection.request("down", **fields)
        assert client.wait_gone(result["pid"])
        return result

    def is_running(self) -> bool:
        connection = client.connect(self.instance)
        if connection:
            connection.__exit__()
        return connection is not None

    def status(self) -> dict[str, Any]:
        return self.ask("status")

    def unit(self, name: str) -> dict[str, Any]:
        unit: dict[str, Any] = self.ask("why", service=name)["unit"]
        return unit

    def remember(self) -> dict[int, str]:
        """Note every process of the platform, to prove later that it is gone."""
        for pid in self.pids().values():
            self.seen[pid] = start_time(pid)
        return self.seen

    def pids(self) -> dict[str, int]:
        status = self.status()
        units = {r["name"]: r["pid"] for s in status["services"] for r in s["replicas"]}
        units |= {r["name"]: r["pid"] for r in (*status["resources"], *status["others"])}
        return {name: pid for name, pid in {**units, **status["pids"]}.items() if pid}

    def survivors(self) -> list[int]:
        return [pid for pid, started in self.seen.items() if is_alive(pid, started)]

    def kill_everything(self) -> None:
        """The last resort of a failed test."""
        with suppress(AutionalError, OSError):
            self.remember()
            self.down(timeout_s=2)
        for pid, started in self.seen.items():
            if is_alive(pid, started):
                os.kill(pid, signal.SIGKILL)
        keep_promise(self.root, self.instance.name)


def database(name: str = "db") -> dict[str, Any]:
    return {"name": name, "resource": True, "port": free_port()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def web(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "entry": f"{ENTRIES}:web", "port": free_port(), **more}


def get(unit: dict[str, Any], path: str = "/") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{unit['port']}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def eventually(reached: Callable[[], Any], what: str, timeout_s: float = 15.0) -> Any:
    """Poll where no event tells a test what it waits for."""
    deadline = time.monotonic() + timeout_s
    while not (found := reached()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.02)
    return found
