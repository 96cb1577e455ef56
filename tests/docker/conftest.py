"""A platform on containers, and a proof that nothing of it is left on the engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.drivers.docker import container
from autional_cli.instance import Instance
from tests.platform.running import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator


def belongings(platform: Platform) -> list[str]:
    """Return what the engine has that belongs to a platform."""
    place = container.Place.of(Instance.open(platform.root, platform.instance))
    asked = container.engine()
    found = [
        (kind, each) for kind in ("containers", "volumes", "networks") for each in asked.labelled(kind, place.labels)
    ]
    return [f"{kind} {each.get('Names') or each.get('Name')}" for kind, each in found]


def container_of(platform: Platform, resource: str) -> dict[str, Any]:
    """Return what the engine says of a resource's container."""
    place = container.Place.of(Instance.open(platform.root, platform.instance))
    found = container.engine().container(f"{place.prefix}-{resource}")
    assert found is not None, resource
    return found


@pytest.fixture
def contained(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """An instance of this test's own on the driver docker, not started yet; nothing of it may be left."""
    number = abs(hash(request.node.nodeid)) % 10**6
    own = Platform(instance=f"docker-{os.getpid()}-{number}")
    try:
        yield own
    finally:
        own.down()
        assert not belongings(own)
