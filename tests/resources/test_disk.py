"""A disk that is full, or fills up while an instance is being created: a real, tiny file system."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import Instance
from autional_cli.resources.template import Template

from .running import build, claim
from .test_template import fake_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE_MB = 10
SPARE_BYTES = 64 << 10


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A mounted file system of 10 MB."""
    if os.geteuid() != 0 or os.uname().sysname != "Linux":
        pytest.skip("mounting a tiny file system needs root on Linux")
    place = tmp_path / "tiny"
    place.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)], check=False)
    if mount.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def cramped(tiny: Path) -> Iterator[Instance]:
    """An instance on the tiny file system."""
    opened = Instance.open(tiny, "test")
    opened.create()
    with claim(opened):
        yield opened
    opened.discard_run_dir()


@pytest.mark.parametrize("name", ["postgres", "redis", "mongo", "objects", "mailbox"])
async def test_a_nearly_full_disk_is_refused_before_anything_is_written(cramped: Instance, name: str) -> None:
    resource = build(cramped)[name]
    with pytest.raises(AutionalError, match=r"only \d+ MB are free .* 256 MB are needed to start") as caught:
        resource.inspect()
    assert caught.value.exit_code is ExitCode.BACKEND_UNAVAILABLE
    assert not list(cramped.data_dir.iterdir())


async def test_initdb_that_runs_out_of_space_says_so_and_leaves_nothing(cramped: Instance) -> None:
    with pytest.raises(AutionalError, match=r"no space is left on the disk of .*/data/postgres"):
        await build(cramped)["postgres"].prepare()
    assert not list(cramped.data_dir.iterdir())


async def test_a_template_that_does_not_fit_says_so_and_leaves_nothing(
    cramped: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cluster = fake_cluster(tmp_path / "postgres")
    (cluster / "base").write_bytes(os.urandom(2 * SIZE_MB << 20))
    template = Template.of("18.6", "0001")
    template.save(cluster)
    with pytest.raises(AutionalError, match="no space is left"):
        template.restore(cramped.data_dir / "postgres")
    assert not list(cramped.data_dir.iterdir())


async def test_mongo_that_runs_out_of_space_says_so_and_leaves_nothing(cramped: Instance) -> None:
    filler = cramped.home / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(filler.parent).free - SPARE_BYTES))
    with pytest.raises(AutionalError, match=r"no space is left on the disk of .*/data/mongo"):
        await build(cramped)["mongo"].prepare()
    assert not list(cramped.data_dir.iterdir())
