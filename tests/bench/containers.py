"""`up --driver docker` against a script that runs the same servers and services with `docker run`.

Both start from stopped: `down` keeps our containers for the next `up`, a script of `docker run` makes them anew on the
volumes that are there. The script is a good one: everything that does not wait for something else starts at once, and
servers are asked whether they are ready as often as we ask. Services are waited for in two ways: until the engine's own
health check has said so, which is what `docker compose up --wait` does, and by asking them as often as we do.
"""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.container import Place
from autional_cli.instance import Instance
from tests.bench.report import Result, median
from tests.bench.startup import await_all
from tests.export import images
from tests.platform.running import ROOT, Platform

if TYPE_CHECKING:
    from collections.abc import Callable

_RUNS = 3
_STACK = "login"
_READY_S = 120


def measure() -> Result:
    """Measure both ways in turns, on the same volumes."""
    result = Result(name="up --driver docker against docker run")
    platform = Platform(instance="bench-containers")
    images.build()
    as_containers = ("--driver", "docker", "--services", "docker", "--image", images.TAG)
    script: Script | None = None
    try:
        platform.up("--stack", _STACK, *as_containers, "--timeout", "180")
        script = Script(platform)
        platform.run("down")
        ours, contained, theirs, asked = [], [], [], []
        for _ in range(_RUNS):
            theirs.append(script.run(script.healthy))
            asked.append(script.run(script.answering))
            ours.append(timed(platform, "--driver", "docker"))
            contained.append(timed(platform, *as_containers))
    finally:
        if script is not None:
            script.end()
        platform.down()
    result.add("docker run, waiting for health as Compose does, median", median(theirs), "s")
    result.add("docker run, asking all the time, median", median(asked), "s")
    result.add("up --driver docker, median", median(ours), "s")
    result.add("up --driver docker --services docker, median", median(contained), "s")
    result.add("up --driver docker / waiting as Compose does", median(ours) / median(theirs), "", at_most=0.5)
    result.add("up --driver docker / asking all the time", median(ours) / median(asked), "")
    return result


def timed(platform: Platform, *how: str) -> float:
    """Return the wall time in seconds of `up` as a whole process; the platform is stopped afterwards."""
    started = time.perf_counter()
    platform.up("--stack", _STACK, *how, "--timeout", "180")
    elapsed = time.perf_counter() - started
    assert platform.run("down").returncode == 0
    return elapsed


class Script:
    """What a person would write down: the containers of a running platform as `docker run` commands."""

    def __init__(self, platform: Platform) -> None:
        instance = Instance.open(ROOT, platform.instance)
        self._prefix = Place.of(instance).prefix
        status = platform.status()
        self._urls = [f"{service['url']}/readyz" for service in status["services"]]
        self._services = [service["name"] for service in status["services"]]
        self._resources = [resource["name"] for resource in status["resources"]]
        self._ports = {name: self._port(name) for name in self._resources}
        self._commands = {name: self._command(name) for name in (*self._resources, *self._services)}

    def run(self, wait: Callable[[], None]) -> float:
        """Start everything and `wait` for the services; return the seconds that took. The containers are removed."""
        started = time.perf_counter()
        with ThreadPoolExecutor(len(self._commands)) as pool:
            list(pool.map(self._start, self._resources))
            list(pool.map(self._listening, self._resources))
            list(pool.map(self._start, self._services))
        wait()
        elapsed = time.perf_counter() - started
        self.end()
        return elapsed

    def answering(self) -> None:
        """Ask the services until they are ready."""
        await_all(self._urls)

    def healthy(self) -> None:
        """Wait until the engine calls every service healthy: the image says how it asks, and how often."""
        names = [self._name(name) for name in self._services]
        deadline = time.monotonic() + _READY_S
        while any(word != "healthy" for word in docker("inspect", "-f", "{{.State.Health.Status}}", *names).split()):
            assert time.monotonic() < deadline, "the services are not healthy"
            time.sleep(0.1)

    def end(self) -> None:
        """Remove the containers; the volumes stay."""
        docker("rm", "--force", "--volumes", *(self._name(name) for name in self._commands))

    def _start(self, name: str) -> None:
        docker(*self._commands[name])

    def _listening(self, name: str) -> None:
        """Wait until the server in a container accepts connections to its own port."""
        pid = json.loads(docker("inspect", self._name(name)))[0]["State"]["Pid"]
        deadline = time.monotonic() + _READY_S
        while f"{self._ports[name]:04X} " not in listening(pid):
            assert time.monotonic() < deadline, f"{name} does not listen"
            time.sleep(0.025)

    def _name(self, name: str) -> str:
        return f"{self._prefix}-script-{name}"

    def _port(self, name: str) -> int:
        found = json.loads(docker("inspect", f"{self._prefix}-{name}"))[0]
        return int(next(iter(found["HostConfig"]["PortBindings"])).partition("/")[0])

    def _command(self, name: str) -> list[str]:
        """Return the command for a container like ours; its configuration files are in an image made of it."""
        ours = f"{self._prefix}-{name}"
        found = json.loads(docker("inspect", ours))[0]
        config, host = found["Config"], found["HostConfig"]
        image = images.TAG
        if name in self._resources:
            image = f"autional-bench/{name}:1"
            docker("commit", ours, image)
        command = ["run", "--detach", "--name", self._name(name), "--cap-drop", "ALL"]
        command += [word for each in host["CapAdd"] or [] for word in ("--cap-add", each)]
        command += ["--user", config["User"]] if config["User"] else []
        command += ["--network", host["NetworkMode"], "--memory", str(host["Memory"])]
        if host["ReadonlyRootfs"]:
            command += ["--read-only", "--tmpfs", "/tmp"]
        for bind in host["Binds"] or []:
            if "/notify-" not in bind:  # the supervisor's socket
                command += ["--volume", bind]
        for port, outside in (host["PortBindings"] or {}).items():
            command += ["--publish", f"127.0.0.1:{outside[0]['HostPort']}:{port.partition('/')[0]}"]
        for variable in config["Env"]:
            if not variable.startswith("NOTIFY_SOCKET="):
                command += ["--env", variable]
        return [*command, image, *(config["Cmd"] or [])]


def listening(pid: int) -> str:
    """Return the ports that processes in the network of `pid` listen on, as the kernel writes them."""
    lines = []
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()]
        lines += [row[1].partition(":")[2] + " " for row in rows if row[3] == "0A"]
    return "".join(lines)


def docker(*arguments: str) -> str:
    """Run a command of the engine's own client."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_READY_S, check=False)
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
    return done.stdout
