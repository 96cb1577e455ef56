"""Up, down and up again of the revisions of some services, on scratch databases of the running instance's server."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Print what is wrong with each service's way there and back."""
    from autional_cli.errors import AutionalError

    root, name, services = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3:]
    try:
        answer = asyncio.run(look(root, name, services))
    except AutionalError as failure:
        answer = {"incomplete": failure.message, "hint": failure.hint or "autional up"}
    json.dump(answer, sys.stdout)
    return 0


async def look(root: Path, name: str | None, services: list[str]) -> dict[str, Any]:
    """Return service → problems. AutionalError when the server cannot be reached."""
    from autional_cli.instance import Instance
    from autional_cli.migrations.databases import operator_url
    from autional_cli.migrations.roundtrip import up_down_up

    url = operator_url(Instance.open(root, name))
    return {"problems": {service: await up_down_up(root, service, url) for service in services}}


if __name__ == "__main__":
    sys.exit(main())
