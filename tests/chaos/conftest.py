"""A platform to break and to mend again: every test here leaves it as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.platform.running import Platform


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """The whole platform, shared by the tests of this package; each fault is undone before the next test."""
    shared = Platform(instance=f"chaos-{os.getpid()}")
    try:
        shared.up()
        yield shared
    finally:
        shared.down()
