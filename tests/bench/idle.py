"""What an idle platform costs."""

from __future__ import annotations

import time

import psutil

from tests.bench.report import Result
from tests.platform.running import Platform

_SETTLE_S = 5
_WINDOW_S = 20


def measure() -> Result:
    """Measure the CPU time of every process of an idle platform over twenty seconds."""
    result = Result(name="idle")
    platform = Platform(instance="bench-idle")
    try:
        platform.up()
        status = platform.status()
        time.sleep(_SETTLE_S)
        supervisor = psutil.Process(status["pids"]["supervisor"])
        everyone = {process.pid: process for process in [supervisor, *supervisor.children(recursive=True)]}
        for service in status["services"]:
            for replica in service["replicas"]:
                everyone.setdefault(replica["pid"], psutil.Process(replica["pid"]))
        before = {pid: cpu(process) for pid, process in everyone.items()}
        time.sleep(_WINDOW_S)
        used = {pid: cpu(process) - before[pid] for pid, process in everyone.items()}
    finally:
        platform.down()
    result.add("processes", len(everyone), "")
    result.add("CPU of all, share of one core", 100 * sum(used.values()) / _WINDOW_S, "%", at_most=3)
    result.add("CPU of the busiest", 100 * max(used.values()) / _WINDOW_S, "%")
    return result


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds of a process; nothing for one that has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system
