from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.supervisor.harness import Harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["fork", "spawn"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def harness(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """An instance whose processes are gone when the test ends, however it ends."""
    monkeypatch.setenv("AUTIONAL_START_METHOD", method)
    made = Harness(tmp_path, method)
    try:
        yield made
        if made.is_running():
            made.down()
        assert made.survivors() == []
    finally:
        made.kill_everything()
        made.instance.discard_run_dir()
