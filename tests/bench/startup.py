"""`up`, warm and first-ever, against the same services as separate uvicorn processes on the same databases."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import psutil

from autional_cli.environment import environment
from autional_cli.instance import Instance
from autional_cli.supervisor.topology import all_resources
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack
from tests.bench.report import Result, median
from tests.platform.running import ROOT, Platform

_RUNS = 3
_DEADLINE_S = 120


def measure() -> Result:
    """Measure wall time and memory (PSS) of both ways."""
    result = Result(name="up against separate processes")
    platform = Platform(instance="bench-startup", env={"XDG_CACHE_HOME": str(ROOT / ".autional" / "bench-cache")})
    try:
        first = timed_up(platform)
        platform.down()
        templated = timed_up(platform)
        warm = []
        for _ in range(_RUNS):
            platform.run("down")
            warm.append(timed_up(platform))
        status = platform.status()
        services = [replica["pid"] for service in status["services"] for replica in service["replicas"]]
        zygote = status["pids"]["zygote"]
        ours_mb = pss_mb([*services, zygote])
        separate, separate_mb = separate_processes(platform)
        result.add("services", len(services), "")
        result.add("first ever (initdb, migrations)", first, "s", at_most=6)
        result.add("fresh instance from the template", templated, "s")
        result.add("warm, median", median(warm), "s", at_most=3)
        result.add("separate processes, databases already up", separate, "s")
        result.add("warm / separate", median(warm) / separate, "", at_most=0.2)
        result.add("memory of services and zygote (PSS)", ours_mb, "MB")
        result.add("memory of separate processes (PSS)", separate_mb, "MB")
        result.add("memory ratio", ours_mb / separate_mb, "", at_most=0.5)
        started = time.perf_counter()
        platform.run("down")
        result.add("down", time.perf_counter() - started, "s", at_most=3)
    finally:
        platform.down()
        shutil.rmtree(ROOT / ".autional" / "bench-cache", ignore_errors=True)
    return result


def timed_up(platform: Platform) -> float:
    """Return the wall time of `autional up` as a whole process, in seconds."""
    started = time.perf_counter()
    done = platform.run("up")
    elapsed = time.perf_counter() - started
    assert done.returncode == 0, done.stderr
    return elapsed


def pss_mb(pids: list[int]) -> float:
    """Return the proportional set size of processes, in MB: shared pages are divided among those that share them."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in pids) / 1e6


def separate_processes(platform: Platform) -> tuple[float, float]:
    """Start every service as an interpreter of its own (no zygote) on the running databases, on ports of their own.

    Returns seconds until all answer `/readyz`, and their memory.
    """
    instance = Instance.open(ROOT, platform.instance)
    specs = discover(ROOT)
    stack = load_stack(ROOT, "full", specs)
    resources = all_resources(instance)
    processes: list[subprocess.Popen[bytes]] = []
    urls = []
    started = time.perf_counter()
    try:
        for number, name in enumerate(stack.services):
            port = 29000 + number
            variables: dict[str, Any] = environment(instance, specs[name], stack, resources)
            variables |= {"AUTIONAL_HTTP_PORT": str(port), "AUTIONAL_GRPC_PORT": str(port + 500)}
            variables |= {"AUTIONAL_REPLICA": f"{name}-bench", "AUTIONAL_LOG_FILE": os.devnull}
            argv = [sys.executable, "-m", "services.chassis", name]
            processes.append(
                subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
            )
            urls.append(f"http://127.0.0.1:{port}/readyz")
        await_all(urls)
        elapsed = time.perf_counter() - started
        return elapsed, pss_mb([process.pid for process in processes])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(40)


def await_all(urls: list[str]) -> None:
    """Ask every address until it answers 200."""
    deadline = time.monotonic() + _DEADLINE_S
    for url in urls:
        while not answers(url):
            assert time.monotonic() < deadline, f"{url} did not answer"
            time.sleep(0.02)


def answers(url: str) -> bool:
    """Return whether an address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
