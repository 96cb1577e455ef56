"""A hundred random sequences of drains, kills, restarts and scalings, with people at work, and what holds after."""

from __future__ import annotations

import sys

from tests.bench.report import Result, median
from tests.platform.running import Platform
from tests.platform.sequences import Stage, run_sequences

COUNT = 100
SEED = 1


def measure() -> Result:
    """Run them on one platform; what is broken is printed with the sequence that broke it, and the others go on."""
    result = Result(name=f"random sequences of drain, kill, restart and scale (seed {SEED})")
    stage = Stage(platform=Platform(instance="bench-sequences"), strict=False)
    try:
        stage.open()
        run_sequences(stage, COUNT, chosen=SEED)
    finally:
        stage.close()
    for line in stage.broken:
        print(line, file=sys.stderr)
    result.add("sequences run", stage.sequences, "", at_least=COUNT)
    result.add("different ones", len(stage.different), "")
    result.add("registrations answered with 201 on the way", len(stage.people.registered), "")
    result.add("invariants broken", len(stage.broken), "", at_most=0)
    result.add("a sequence until everything was checked, median", median(stage.seconds), "s")
    result.add("a sequence until everything was checked, longest", max(stage.seconds), "s")
    return result
