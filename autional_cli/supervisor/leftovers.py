"""What an instance may have left outside of its processes: containers of a supervisor that was killed, data of a driver
that it no longer uses."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.plan import Topology

ENGINE = "engine"  # the note that an engine was used


def notes(topology: Topology) -> dict[str, Any]:
    """Return what an instance has to remember of a topology."""
    resources = {unit.name: unit.resource for unit in topology.units if unit.resource}
    jaeger = resources.get("jaeger")
    used = {ENGINE: True} if any(resource.driver == "docker" for resource in resources.values()) else {}
    return {"jaeger": jaeger.admin_url() if jaeger else "", **used}


def stop(instance: Instance) -> None:
    """Stop containers that still run although no supervisor does. AutionalError when an engine does not do that."""
    if instance.recall().get(ENGINE):
        from autional_cli.drivers.docker import container

        with suppress(AutionalError):  # no engine, no containers; what needs one says so when it starts
            container.stop_all(container.engine(), container.Place.of(instance))


def remove(instance: Instance) -> None:
    """Remove what the drivers have that were used before: containers, volumes, the network, embedded data."""
    if instance.recall().get(ENGINE):
        from autional_cli.drivers.docker import container

        container.remove_all(container.engine(), container.Place.of(instance))
        shutil.rmtree(instance.data_dir, ignore_errors=True)  # notes on volumes that are gone, and what was embedded
