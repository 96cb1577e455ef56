"""How long the quick commands take as whole processes."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.bench.report import Result, median
from tests.platform.running import AUTIONAL, ROOT, Platform

_RUNS = 15


def measure() -> Result:
    """Compare with a bare interpreter, in turn, so that a slow moment of the machine meets both."""
    result = Result(name="commands as whole processes")
    platform = Platform(instance="bench-commands")
    try:
        platform.up("--stack", "login")
        assert platform.json("smoke")["ok"]
        env = platform.environment()
        commands = {
            "bare": [sys.executable, "-c", "import sqlite3"],
            "trace last": [str(AUTIONAL), "trace", "last"],
            "--help": [str(AUTIONAL), "--help"],
            "ps": [str(AUTIONAL), "ps"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(_RUNS):
            for name, argv in commands.items():
                started = time.perf_counter()
                subprocess.run(
                    argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
                )
                times[name].append(time.perf_counter() - started)
    finally:
        platform.down()
    for name, seconds in times.items():
        result.add(f"{name}, median", median(seconds) * 1000, "ms", at_most=120 if name == "trace last" else None)
    result.add("trace last / bare", median(times["trace last"]) / median(times["bare"]), "", at_most=8)
    return result
