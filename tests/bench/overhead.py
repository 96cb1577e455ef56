"""What tracing costs on a trivial route: throughput and CPU per request with and without it, side by side in time.

Both servers live through the whole measurement and are loaded in short turns, so that a slow moment of the machine
meets both; the load comes from a process that does next to nothing, the spans go to another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from tests.bench.report import Result, median
from tests.bench.trivial import SINK_PORT
from tests.platform.running import ROOT

_ROUNDS = 12
_SECONDS = 2.0
_CONNECTIONS = 32
_LISTEN_S = 30
_PORTS = {"untraced": 29801, "traced": 29802}


@dataclass
class Side:
    """One server and what was measured of it, turn by turn."""

    process: psutil.Process
    port: int
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def turn(self) -> None:
        """Load it once."""
        before = sum(self.process.cpu_times()[:2])
        rate = load(self.port)
        self.rates.append(rate)
        self.cpu_us.append((sum(self.process.cpu_times()[:2]) - before) / (rate * _SECONDS) * 1e6)


def measure() -> Result:
    """Alternate between a server with and one without tracing."""
    result = Result(name="tracing overhead on a trivial route")
    with (
        server("sink", SINK_PORT),
        server("untraced", _PORTS["untraced"]) as one,
        server("traced", _PORTS["traced"]) as two,
    ):
        untraced, traced = Side(one, _PORTS["untraced"]), Side(two, _PORTS["traced"])
        for side in (untraced, traced):
            load(side.port)  # warm
        for number in range(_ROUNDS):
            for side in (untraced, traced)[:: 1 if number % 2 else -1]:
                side.turn()
    ratios = [mine / other for mine, other in zip(traced.rates, untraced.rates, strict=True)]
    result.add("untraced, median", median(untraced.rates), "req/s")
    result.add("traced, median", median(traced.rates), "req/s")
    result.add("CPU of the server for a request, untraced", median(untraced.cpu_us), "us")
    result.add("CPU of the server for a request, traced", median(traced.cpu_us), "us")
    result.add("traced / untraced, median of pairs", median(ratios), "", at_least=0.55)
    result.add("traced / untraced, worst pair", min(ratios), "")
    return result


def load(port: int) -> float:
    """Return requests per second of one turn, made by a process of its own."""
    argv = [sys.executable, "-m", "tests.bench.generator", str(port), str(_CONNECTIONS), str(_SECONDS)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS * 3 + 20, check=True)
    answer = json.loads(done.stdout)
    assert not answer["silent"], f"{answer['silent']} connections fell silent"
    return float(answer["rate"])


@contextmanager
def server(role: str, port: int) -> Iterator[psutil.Process]:
    """Run a server while the block runs."""
    argv = [sys.executable, "-m", "tests.bench.trivial", role, str(port)]
    process = subprocess.Popen(argv, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), f"{role} did not start"  # it says when it listens
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_LISTEN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
