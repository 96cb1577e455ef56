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
_PLATFORM = 16
_DEADLINE_S = 120
_SEVEN, _SIXTEEN = "full", "sixteen"  # stacks; the second has replicas until there are sixteen services


def measure() -> Result:
    """Measure wall time and memory (PSS) of both ways, with one process a service and with sixteen processes."""
    result = Result(name="up against separate processes")
    platform = Platform(instance="bench-startup", env={"XDG_CACHE_HOME": str(ROOT / ".autional" / "bench-cache")})
    try:
        result.add("first ever (initdb, migrations)", timed_up(platform, _SEVEN), "s", at_most=6)
        platform.down()
        result.add("fresh instance from the template", timed_up(platform, _SEVEN), "s")
        for stack in (_SEVEN, _SIXTEEN):
            compare(result, platform, stack)
        started = time.perf_counter()
        platform.run("down")
        result.add("down, sixteen processes", time.perf_counter() - started, "s", at_most=3)
    finally:
        platform.down()
        shutil.rmtree(ROOT / ".autional" / "bench-cache", ignore_errors=True)
    return result


def compare(result: Result, platform: Platform, stack: str) -> None:
    """Add the figures of one stack: warm starts and separate processes take turns; memory is that of the last turn."""
    warm, alone, separate = [], [], []
    for _ in range(_RUNS):
        platform.run("down")
        warm.append(timed_up(platform, stack))
        status = platform.status()
        services = [replica["pid"] for service in status["services"] for replica in service["replicas"]]
        ours_mb = pss_mb([*services, status["pids"]["zygote"]])
        supervisor = psutil.Process(status["pids"]["supervisor"])
        ours_cpu_s = cpu_s([supervisor, *supervisor.children(recursive=True)])
        alone.append(services_alone(platform, stack))
        elapsed, separate_mb, separate_cpu_s = separate_processes(platform, stack)
        separate.append(elapsed)
    count = len(services)
    goal = 0.2 if count >= _PLATFORM else None  # it is for a whole platform
    label = f"{count} processes"
    if count != len(status["services"]):
        label += f" of {len(status['services'])} services"
    result.add(f"{label}: warm, median", median(warm), "s", at_most=3)
    result.add(f"{label}: separate, databases already up, median", median(separate), "s")
    result.add(f"{label}: warm / separate", median(warm) / median(separate), "")
    result.add(f"{label}: services alone, databases already up, median", median(alone), "s")
    result.add(f"{label}: services alone / separate", median(alone) / median(separate), "", at_most=goal)
    result.add(f"{label}: CPU of the platform, databases and all", ours_cpu_s, "s")
    result.add(f"{label}: CPU of separate processes, without databases", separate_cpu_s, "s")
    result.add(f"{label}: memory of services and zygote (PSS)", ours_mb, "MB")
    result.add(f"{label}: memory of separate processes (PSS)", separate_mb, "MB")
    result.add(f"{label}: memory ratio", ours_mb / separate_mb, "", at_most=0.5)


def timed_up(platform: Platform, stack: str) -> float:
    """Return the wall time in seconds of `autional up` as a whole process, until all services answer `/readyz`."""
    started = time.perf_counter()
    done = platform.run("up", "--stack", stack)
    assert done.returncode == 0, done.stderr
    instance = Instance.open(ROOT, platform.instance)
    specs = discover(ROOT)
    chosen = load_stack(ROOT, stack, specs)
    for name, entry in chosen.services.items():
        ports = [instance.block.http(specs[name], number) for number in range(entry.replicas)]
        await_all([f"http://127.0.0.1:{port}/readyz" for port in ports])
    return time.perf_counter() - started


def services_alone(platform: Platform, stack: str) -> float:
    """Return the wall time in seconds to start the services of a running platform from nothing but its databases.

    The zygote is killed as well: its imports are part of the time, as they are with separate processes.
    """
    assert platform.run("drain", "--all").returncode == 0
    zygote = psutil.Process(platform.status()["pids"]["zygote"])
    started = time.perf_counter()
    zygote.kill()
    timed_up(platform, stack)
    return time.perf_counter() - started


def pss_mb(pids: list[int]) -> float:
    """Return the proportional set size of processes, in MB: shared pages are divided among those that share them."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in pids) / 1e6


def cpu_s(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds that processes have used: what the machine's other users cannot change much."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def separate_processes(platform: Platform, name_of_stack: str) -> tuple[float, float, float]:
    """Start every replica as an interpreter of its own (no zygote) on the running databases, on ports of their own.

    Returns seconds until all answer `/readyz`, their memory, and the CPU seconds they used.
    """
    instance = Instance.open(ROOT, platform.instance)
    specs = discover(ROOT)
    stack = load_stack(ROOT, name_of_stack, specs)
    resources = all_resources(instance)
    processes: list[subprocess.Popen[bytes]] = []
    urls = []
    started = time.perf_counter()
    try:
        wanted = [(name, number) for name, entry in stack.services.items() for number in range(entry.replicas)]
        for port, (name, number) in enumerate(wanted, 29000):
            variables: dict[str, Any] = environment(instance, specs[name], stack, resources, number)
            variables |= {"AUTIONAL_HTTP_PORT": str(port), "AUTIONAL_GRPC_PORT": str(port + 500)}
            variables |= {"AUTIONAL_REPLICA": f"{name}-bench-{number}", "AUTIONAL_LOG_FILE": os.devnull}
            argv = [sys.executable, "-m", "services.chassis", name]
            processes.append(
                subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
            )
            urls.append(f"http://127.0.0.1:{port}/readyz")
        await_all(urls)
        elapsed = time.perf_counter() - started
        used_s = cpu_s([psutil.Process(process.pid) for process in processes])
        return elapsed, pss_mb([process.pid for process in processes]), used_s
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
