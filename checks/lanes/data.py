"""The data lane: what the live databases of the running instance say, all services in one interpreter."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Data:
    """What the databases say. `drift` is the JSON of `autional drift`, by service."""

    drift: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Data:
        """Return what `main` printed."""
        return cls({each["name"]: each for each in value["services"]})


def main() -> int:
    """Print the drift of every service of the running instance as JSON."""
    json.dump({"incomplete": "no data lane yet"}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
