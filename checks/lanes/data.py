"""The data lane: what the live databases of the running instance say, all services in one interpreter."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Data:
    """What the databases say. `drift` is the JSON of `autional drift`, by service.

    `absent` are services with a database that the running stack does not have: nobody looked at them.
    """

    drift: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    instance: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Data:
        """Return what `main` printed."""
        drift = {each["name"]: each for each in value["services"]}
        return cls(drift, value.get("absent", []), value.get("instance", ""))


def main() -> int:
    """Print the drift of every service of an instance as JSON, or why it could not be looked at."""
    from autional_cli.errors import AutionalError

    root, name = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    try:
        answer = asyncio.run(look(root, name))
    except AutionalError as failure:
        answer = {"incomplete": failure.message, "hint": failure.hint or "autional up"}
    json.dump(answer, sys.stdout)
    return 0


async def look(root: Path, name: str | None) -> dict[str, Any]:
    """Compare models and databases. AutionalError when the instance does not run."""
    from autional_cli import drift
    from autional_cli.errors import AutionalError, ExitCode
    from autional_cli.instance import Instance
    from autional_cli.supervisor.client import connect
    from autional_cli.workspace.discover import discover

    instance = Instance.open(root, name)
    connection = connect(instance)
    if connection is None:
        raise AutionalError(
            f"instance {instance.name} is not running, so nobody can ask its databases",
            hint="autional up; or leave the lane out: --lane static --lane contract",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    with connection:
        connection.request("status")
    targets = drift.targets(instance)
    found = await drift.compare(root, targets)
    known = {spec.name for spec in discover(root).values() if spec.database != "none"}
    return {
        "services": [one.to_json() for one in found],
        "absent": sorted(known - {target.name for target in targets}),
        "instance": instance.name,
    }


if __name__ == "__main__":
    sys.exit(main())
