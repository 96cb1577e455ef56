"""Fixtures: an engine, the image, and what services stand on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from autional_cli.drivers.docker import sdk
from tests.export import images
from tests.export.backing import Backing
from tests.platform.running import Platform


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """The container engine of this machine; what these tests leave running is removed at the end."""
    with sdk.connected() as client:
        yield client
        for container in client.containers.list(all=True, filters={"label": f"{images.LABEL}={os.getpid()}"}):
            container.remove(force=True)


@pytest.fixture(scope="session")
def image(engine: Any) -> dict[str, Any]:
    """The report of the image that was built."""
    return images.build()


@pytest.fixture(scope="session")
def backing() -> Iterator[Backing]:
    """The resources of a platform whose services do not run."""
    given = Backing(platform=Platform(instance=f"image-{os.getpid()}"))
    try:
        given.start()
        yield given
    finally:
        given.stop()
