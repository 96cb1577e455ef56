"""The migration process: forked by the supervisor, so that the imports are already paid for.

`AUTIONAL_MIGRATIONS` is a JSON list of `{"service", "url"}`; `AUTIONAL_WORKSPACE` the folder that holds `migrations/`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path


def main() -> int:
    """Migrate every service of the list; return 0, or 1 after naming the service that failed."""
    return asyncio.run(_migrate(Path(os.environ["AUTIONAL_WORKSPACE"]), json.loads(os.environ["AUTIONAL_MIGRATIONS"])))


async def _migrate(root: Path, targets: list[dict[str, str]]) -> int:
    from autional_cli.errors import AutionalError
    from autional_cli.migrations.apply import upgrade

    sys.path.insert(0, str(root))
    for target in targets:
        try:
            reached = await upgrade(root, target["service"], target["url"])
        except Exception as error:  # noqa: BLE001 - whatever a revision raises, its service must be named
            why = error if isinstance(error, AutionalError) else f"{type(error).__name__}: {error}"
            sys.stderr.write(f"migration of {target['service']} failed: {why}\n")
            return 1
        sys.stdout.write(f"{target['service']} at {reached.revision or 'no revision'}\n")
    return 0
