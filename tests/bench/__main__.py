"""`python -m tests.bench [NAME…]`: run all measurements or the named ones, print the figures, write them as JSON."""

from __future__ import annotations

import importlib
import sys

from tests.bench.report import Result, save

MEASUREMENTS = (
    *("startup", "refork", "idle", "commands", "login", "overhead", "traces"),
    *("drift", "checks", "isolation", "drain", "roll", "sequences", "clone", "session", "containers"),
)


def main() -> int:
    """Run the measurements; the exit code is 0 even if a goal is missed, since a machine may be slow."""
    wanted = sys.argv[1:] or MEASUREMENTS
    results: list[Result] = []
    for name in wanted:
        result: Result = importlib.import_module(f"tests.bench.{name}").measure()
        result.print()
        results.append(result)
    print(f"\nwritten to {save(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
