"""Which instance a command means."""

from __future__ import annotations

from autional_cli.instance import Instance
from autional_cli.workspace.locate import find_root

HELP = "Which instance; also AUTIONAL_INSTANCE."
FORMAT_HELP = "table or json."


def instance_of(name: str | None) -> Instance:
    """Return the instance `name` of the workspace around the current folder.

    AutionalError (exit 3) when there is no workspace, or no such instance: nothing but `new_instance_of` makes one.
    """
    return Instance.known(find_root(), name)


def new_instance_of(name: str | None) -> Instance:
    """Return the instance as `instance_of` does, and one that is not there yet as well: to start or to stop it."""
    return Instance.open(find_root(), name)
