"""From saving a file of a service to that service being ready again."""

from __future__ import annotations

import time

from tests.bench.report import Result, median
from tests.platform.running import ROOT, Platform

_RUNS = 5


def measure() -> Result:
    """Edit a comment of profile several times and wait for its new process each time."""
    result = Result(name="re-fork after an edit")
    platform = Platform(instance="bench-refork")
    source = ROOT / "services" / "profile" / "domain.py"
    original = source.read_bytes()
    times = []
    try:
        platform.up()
        for number in range(_RUNS):
            follower = platform.start("ps", "--follow")
            assert follower.stdout is not None
            follower.stdout.readline()  # the present state: from here on every change is told
            started = time.perf_counter()
            source.write_bytes(original + f"# edit {number}\n".encode())
            stopped = False
            for line in follower.stdout:
                stopped = stopped or ('"profile"' in line and '"starting"' in line)
                if stopped and '"profile"' in line and '"ready"' in line:
                    break
            times.append(time.perf_counter() - started)
            follower.terminate()
            follower.communicate()
    finally:
        source.write_bytes(original)
        platform.down()
    result.add("edit to ready, median", median(times), "s", at_most=0.5)
    result.add("edit to ready, worst", max(times), "s")
    return result
