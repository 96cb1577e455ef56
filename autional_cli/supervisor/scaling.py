"""How many replicas of which services: what was asked for, checked before anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EDGE = "gateway"


def checked(wanted: Mapping[str, object], running: Collection[str]) -> dict[str, int]:
    """Return the numbers by service; AutionalError (exit 2) for what cannot be."""
    found = {}
    for name, number in wanted.items():
        if name not in running:
            raise AutionalError(
                f"there is no service {name!r}{suggest(name, running)}",
                hint=f"running: {', '.join(running) or 'nothing'}; start another with: autional up {name}",
            )
        if not isinstance(number, int) or number < 1:
            raise AutionalError(
                f"{name}={number}: a service that is wanted has at least one replica",
                hint=f"to stop it: autional drain {name}",
            )
        if name == EDGE and number != 1:
            raise AutionalError(
                f"{EDGE}={number}: the gateway is one process, because its port is the address that everybody knows",
                hint="put a load balancer before several of them in production: autional export",
            )
        found[name] = number
    if not found:
        raise AutionalError("nothing to scale", hint="for instance: autional scale session=3")
    return found
