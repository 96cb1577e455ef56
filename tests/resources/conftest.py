"""An instance of the platform in a temporary workspace, with a block of ports of its own."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from autional_cli.instance import Instance

from .running import Either, build, claim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autional_cli.drivers.base import Resource

SLOW_TO_CREATE = ("postgres", "mongo")


@pytest.fixture(scope="session")
def created(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance whose slow resources have been created but never run; the tests copy it."""
    opened = Instance.open(tmp_path_factory.mktemp("created"), "test")
    opened.create()
    for name in SLOW_TO_CREATE:
        asyncio.run(build(opened)[name].prepare())
    yield opened
    opened.discard_run_dir()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    opened = Instance.open(tmp_path, "test")
    opened.create()
    with claim(opened):
        yield opened
    opened.discard_run_dir()


@pytest.fixture(params=["embedded", pytest.param("docker", marks=pytest.mark.docker)])
def either(request: pytest.FixtureRequest, instance: Instance) -> Iterator[Either]:
    """An instance without data, on each driver in turn."""
    made = Either(request.param, instance)
    yield made
    made.discard()


@pytest.fixture
def empty(instance: Instance) -> dict[str, Resource]:
    """The resources of an instance that has no data yet."""
    return build(instance)


@pytest.fixture
def platform(instance: Instance, created: Instance) -> dict[str, Resource]:
    """The resources of an instance that has been created before."""
    shutil.copy(created.secrets_file, instance.secrets_file)
    for name in SLOW_TO_CREATE:
        shutil.copytree(created.data_dir / name, instance.data_dir / name)
    return build(instance)
