"""What failed before the supervisor ended, so that `why` can answer when nothing runs any more."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import write_private
from autional_cli.supervisor.why import explanation

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.supervisor.platform import Platform

FILE = "last.json"
OTHERS = ("telemetry", "migrations")


def remember(instance: Instance, platform: Platform) -> None:
    """Keep the explanation of every unit as it is now; nothing is kept when all is well.

    It must not keep a platform from stopping, so a full disk or a deleted directory passes in silence.
    """
    failing = any(unit.failing for unit in platform.board)
    found = (
        {
            d.name: explanation(platform.board, d, lambda name: platform.runners[name].output())
            for d in platform.definitions()
        }
        if failing
        else {}
    )
    with suppress(OSError):
        write_private(instance.home / FILE, json.dumps(found))


def must_be_known(instance: Instance, name: str) -> None:
    """Raise AutionalError (exit 2) for a name that the workspace does not have."""
    from autional_cli.workspace.discover import discover
    from autional_cli.workspace.model import RESOURCES
    from autional_cli.workspace.source import suggest

    services = discover(instance.root)
    names = [*services, *RESOURCES, *OTHERS]
    if services and re.sub(r"-\d+$", "", name) not in names:
        raise AutionalError(
            f"there is no service or resource {name!r}{suggest(name, names)}", hint=f"there are: {', '.join(names)}"
        )


def recall(instance: Instance, name: str) -> dict[str, Any]:
    """Return the last explanation of a unit. AutionalError (exit 4) when nothing is known about it."""
    try:
        known = json.loads((instance.home / FILE).read_bytes())
    except (OSError, ValueError):
        known = {}
    if name not in known:
        must_be_known(instance, name)
        raise AutionalError(
            f"instance {instance.name} is not running, and nothing failed when it last ran",
            hint="autional up",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    found: dict[str, Any] = known[name]
    return found | {"summary": f"the platform does not run; when it stopped: {found['summary']}"}
