"""An instance of the platform in a temporary workspace, with a block of ports of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autional_cli.instance import Instance

from .running import build, claim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autional_cli.drivers.base import Resource


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    opened = Instance.open(tmp_path, "test")
    opened.create()
    with claim(opened):
        yield opened


@pytest.fixture
def platform(instance: Instance) -> dict[str, Resource]:
    return build(instance)
