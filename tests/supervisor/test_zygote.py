"""The zygote as a real process, driven through its own protocol."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.drivers.base import ProcessSpec
from autional_cli.errors import AutionalError
from autional_cli.supervisor.forker import Forker
from autional_cli.supervisor.start import Command, start_method
from tests.supervisor.harness import ENTRIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def zygote(tmp_path: Path, *modules: str) -> AsyncIterator[Forker]:
    forker = Forker(Command(root=tmp_path, log=tmp_path / "zygote.out", modules=modules or ("json",)))
    try:
        yield forker
    finally:
        await forker.close()


def spec(tmp_path: Path, entry: str, **env: str) -> ProcessSpec:
    return ProcessSpec(name="child", entry=entry, env=env, log=tmp_path / "child.out", stop_timeout_s=5)


async def test_how_a_child_ended_is_reported(tmp_path: Path) -> None:
    async with zygote(tmp_path) as forker:
        ran = spec(tmp_path, f"{ENTRIES}:once")
        handle = await forker.launch(ran, {"RAN": str(tmp_path / "ran"), "STATUS": "7"})
        assert (await asyncio.wait_for(handle.exited, 5)).code == 7
        handle = await forker.launch(spec(tmp_path, f"{ENTRIES}:crash"), {})
        assert (await asyncio.wait_for(handle.exited, 5)).code == 1
    assert "the configuration is missing" in (tmp_path / "child.out").read_text()


async def test_an_entry_that_does_not_exist_ends_with_its_traceback(tmp_path: Path) -> None:
    async with zygote(tmp_path) as forker:
        handle = await forker.launch(spec(tmp_path, "tests.supervisor.entries:missing"), {})
        assert (await asyncio.wait_for(handle.exited, 5)).code == 1
    assert "AttributeError" in (tmp_path / "child.out").read_text()


async def test_a_zygote_with_threads_is_not_forked(tmp_path: Path) -> None:
    async with zygote(tmp_path, "tests.supervisor.threaded") as forker:
        with pytest.raises(AutionalError, match="has 2 threads"):
            await forker.launch(spec(tmp_path, f"{ENTRIES}:silent"), {})


async def test_a_child_outlives_its_zygote_and_a_new_zygote_is_made(tmp_path: Path) -> None:
    async with zygote(tmp_path) as forker:
        handle = await forker.launch(spec(tmp_path, f"{ENTRIES}:stubborn"), {})
        first = forker.pid
        forker._zygote.process.kill()
        following = await launch_again(forker, spec(tmp_path, f"{ENTRIES}:silent"))
        assert forker.pid != first
        assert not handle.exited.done()
        await following.stop()
        import os

        os.kill(handle.pid, 9)
        ended = await asyncio.wait_for(handle.exited, 5)
        assert (ended.code, ended.signal) == (None, None)


async def launch_again(forker: Forker, wanted: ProcessSpec) -> Any:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return await forker.launch(wanted, {})
        except ConnectionError:
            await asyncio.sleep(0.01)
    raise AssertionError("no new zygote within 10 s")


async def test_a_zygote_that_cannot_start_is_given_up(tmp_path: Path) -> None:
    async with zygote(tmp_path, "tests.supervisor.deadly") as forker:
        with pytest.raises(AutionalError, match="died 3 times while importing"):
            await launch_again(forker, spec(tmp_path, f"{ENTRIES}:silent"))


def test_the_start_method_is_chosen_by_the_environment() -> None:
    assert start_method({"AUTIONAL_START_METHOD": "spawn"}) == "spawn"
    assert start_method({}) in ("fork", "spawn")
    with pytest.raises(AutionalError, match="neither"):
        start_method({"AUTIONAL_START_METHOD": "thread"})
