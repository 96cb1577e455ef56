"""A platform to load and to look into."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.platform.running import Platform


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """The whole platform, shared by the tests of this package."""
    shared = Platform(instance=f"load-{os.getpid()}")
    try:
        shared.up()
        yield shared
    finally:
        shared.down()
