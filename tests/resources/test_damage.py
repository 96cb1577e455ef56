"""What a real server says of damaged files leads to the command that helps."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from autional_cli.drivers.base import Advising
from tests.resources.running import running

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.drivers.base import Resource

END_S = 30


def last_words(resource: Resource) -> list[str]:
    """Run the server of a resource, which must end by itself, and return what it said."""
    spec = resource.process()
    assert spec is not None
    done = subprocess.run(
        spec.argv, env=dict(spec.env), cwd=spec.cwd, capture_output=True, text=True, timeout=END_S, check=False
    )
    assert done.returncode != 0
    return (done.stdout + done.stderr).splitlines()


async def test_a_bus_whose_file_is_damaged_in_the_middle_says_how_to_go_on(platform: dict[str, Resource]) -> None:
    redis = platform["redis"]
    await redis.prepare()
    async with running(redis):
        pass
    folder: Path = redis.data_dir  # type: ignore[attr-defined]
    (log,) = (folder / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n" + b"\xff" * 64 + b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"
    )
    assert isinstance(redis, Advising)
    assert redis.advice(last_words(redis)) == (
        f"keep what is damaged and begin anew: mv {folder} {folder}.damaged && autional up"
    )
    assert redis.advice(["Out Of Memory allocating 1 bytes"]) == ""


async def test_a_cluster_without_a_checkpoint_says_how_to_go_on(platform: dict[str, Resource]) -> None:
    postgres = platform["postgres"]
    await postgres.prepare()
    async with running(postgres):
        pass
    folder: Path = postgres.data_dir  # type: ignore[attr-defined]
    for segment in (folder / "pg_wal").glob("0*"):
        segment.write_bytes(bytes(segment.stat().st_size))
    assert isinstance(postgres, Advising)
    assert f"mv {folder} {folder}.damaged" in postgres.advice(last_words(postgres))
    assert postgres.advice(["PANIC:  could not write to file: No space left on device"]) == ""
