"""Disks that cannot be written are seen for what they are: full, without inodes, read-only; on real file systems."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autional_cli import disk
from autional_cli.instance import Instance

ROOT = Path(__file__).parents[2]
MOUNTED = ("unshare", "--user", "--map-root-user", "--mount")
LOOK = """
import json, sys
from pathlib import Path
from autional_cli import disk
found = disk.look({"data": Path(sys.argv[1]), "logs": Path(sys.argv[1]) / "deeper" / "logs", "state": Path("/")})
print(json.dumps([[str(each.path), list(each.uses), each.problem, disk.fix(each)] for each in found]))
"""


def seen(folder: Path, options: str, prepare: str) -> list[list[object]]:
    """Return what `disk.look` finds with a file system of its own mounted at `folder`."""
    script = f'mount -t tmpfs -o {options} none "$1" && {prepare} && exec "$2" -c "$3" "$1"'
    command = [*MOUNTED, "sh", "-ec", script, "sh", str(folder), sys.executable, LOOK]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mounts here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    answer: list[list[object]] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    ("options", "prepare", "problem", "fix"),
    [
        ("size=16m", "true", "", "df -h"),
        ("size=16m", 'head -c 15500000 /dev/zero > "$1/fill"', "is full", "df -h"),
        ("size=16m,nr_inodes=4", 'touch "$1/a" "$1/b" "$1/c"', "no inode left", "df -i -h"),
        ("size=16m", 'mount -o remount,ro "$1"', "read-only", "remount,rw"),
    ],
)
def test_each_disk_is_looked_at_once_and_named_with_its_use(
    tmp_path: Path, options: str, prepare: str, problem: str, fix: str
) -> None:
    found = seen(tmp_path, options, prepare)
    assert [entry[:2] for entry in found] == [[str(tmp_path), ["data", "logs"]], ["/", ["state"]]]
    assert problem in str(found[0][2])
    assert bool(found[0][2]) == bool(problem)
    assert fix in str(found[0][3])
    assert found[1][2] == ""


def test_an_instance_writes_to_these_places(tmp_path: Path) -> None:
    instance = Instance.open(tmp_path, "a")
    instance.create()
    (instance.data_dir / "postgres").mkdir()
    uses = disk.places(instance)
    assert {"state", "data", "logs", "sockets", "data of postgres", disk.TEMPORARY} == set(uses)
    disk.must_be_writable(instance)
    (shared,) = [each for each in disk.look(uses) if "state" in each.uses]
    assert shared.free > 0
    assert shared.used_for.startswith("state, data, logs")
    instance.discard_run_dir()
