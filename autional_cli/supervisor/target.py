"""Which instance a command means."""

from __future__ import annotations

from autional_cli.instance import Instance
from autional_cli.workspace.locate import find_root

HELP = "Which instance; also AUTIONAL_INSTANCE."
FORMAT_HELP = "table or json."


def instance_of(name: str | None) -> Instance:
    """Return the instance `name` of the workspace around the current folder; AutionalError when there is none."""
    return Instance.open(find_root(), name)
