"""What an instance may have outside of its processes: containers that a killed supervisor left, and what a driver keeps
that is no longer used."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError

if TYPE_CHECKING:
    from autional_cli.instance import Instance


def stop(instance: Instance) -> None:
    """Stop containers that still run although no supervisor does. Without an engine there are none."""
    if instance.engine_note.exists():
        from autional_cli.drivers.docker import container

        with suppress(AutionalError):
            container.stop_all(container.engine(), container.Place.of(instance))


def remove(instance: Instance) -> None:
    """Remove containers, volumes and the network; with them the data of the drivers that were used before.

    AutionalError when there is no engine to remove them from.
    """
    if instance.engine_note.exists():
        from autional_cli.drivers.docker import container

        container.remove_all(container.engine(), container.Place.of(instance))
        shutil.rmtree(instance.data_dir, ignore_errors=True)
