"""Users who share a machine do not get into each other's way: with a real second user, which takes root to become."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autional_cli.instance import BASES, Instance, claim_block, runtime_root
from tests.workspace.test_instance import instance, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming a second user needs root")
SECOND = 60_000 + os.getpid() % 5_000  # a user whom nobody else on this machine is
BASE = BASES[60]
# Everything is imported while the interpreter may still be read: its folder may be root's own.
BECOME = f"""
import os, socket, sys, psutil
from pathlib import Path
from autional_cli import ports
from autional_cli.errors import AutionalError
from autional_cli.instance import Instance, claim_block, runtime_root
from autional_cli.resources.template import Template, cache_root
os.setgroups([]); os.setgid({SECOND}); os.setuid({SECOND})
root = Path(sys.argv[1])
"""
CLAIM = "claim = claim_block(Instance.open(root, 'default')); print(claim.block.base, flush=True); input()"
LISTEN = f"s = socket.create_server(('127.0.0.1', {BASE})); print('listens', flush=True); input()"


@contextmanager
def second(program: str, root: Path) -> Iterator[str]:
    """Run Python as the second user; yield what it says first, and end it with the block."""
    argv = [sys.executable, "-c", BECOME + program, str(root)]
    environment = {key: value for key, value in os.environ.items() if key not in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME")}
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**environment, "HOME": "/nonexistent"}
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of the second user, whose default instance had BASE before."""
    with_room = Path("/tmp") / f"autional-test-{SECOND}"
    with_room.mkdir(mode=0o700)
    opened = instance(with_room, "default", BASE)
    for path in (with_room, *with_room.rglob("*")):
        os.chown(path, SECOND, SECOND)
    yield with_room
    for folder in (opened.root, Path(f"/tmp/autional-{SECOND}")):
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_each_gets_the_next_block_when_the_other_has_it(tmp_path: Path, theirs: Path) -> None:
    with claim_block(instance(tmp_path, "default", BASE)) as mine, second(CLAIM, theirs) as got:
        assert mine.block.base == BASE
        assert got.isdecimal()
        assert int(got) != BASE
    with second(CLAIM, theirs) as got, claim_block(instance(tmp_path, "default", int(got))) as mine:
        assert mine.block.base != int(got)


def test_a_port_that_another_user_holds_is_passed_over(tmp_path: Path, theirs: Path) -> None:
    with listening(BASE), second(CLAIM, theirs) as got:
        assert int(got) not in (0, BASE)
    with second(LISTEN, theirs) as said, claim_block(instance(tmp_path, "default", BASE)) as mine:
        assert said == "listens"
        assert mine.block.base != BASE


def test_a_workspace_of_somebody_else_is_refused_in_one_line(tmp_path: Path, theirs: Path) -> None:
    parents = [folder for folder in tmp_path.parents if folder.stat().st_uid == 0 and folder != Path("/tmp")]
    before = [(folder, folder.stat().st_mode) for folder in (tmp_path, *parents[:-1])]
    for folder, mode in before:
        folder.chmod(mode | 0o055)
    try:
        Instance.open(tmp_path, "default").create()
        program = "try: Instance.open(root, 'default')\nexcept AutionalError as e: print(e.message, flush=True)"
        with second(program, tmp_path) as said:
            assert said == f"{tmp_path}/.autional belongs to user 0, and you are {SECOND}"
    finally:
        for folder, mode in before:
            folder.chmod(mode)


def test_sockets_go_elsewhere_when_somebody_took_the_place_of_theirs(theirs: Path) -> None:
    taken = Path(f"/tmp/autional-{SECOND}")
    taken.mkdir(mode=0o777)
    with second("try: runtime_root()\nexcept AutionalError as e: print(e.hint, flush=True)", theirs) as said:
        assert "XDG_RUNTIME_DIR" in said
    own = "os.environ['XDG_RUNTIME_DIR'] = str(root); print(runtime_root(), flush=True)"
    with second(own, theirs) as said:
        assert said == str(theirs / "autional")
    assert runtime_root().stat().st_uid == 0


def test_a_home_that_is_not_there_costs_the_template_and_nothing_else(theirs: Path) -> None:
    program = "print(Template.of('18', 'x').exists, Template.of('18', 'x').restore(root / 'data'), flush=True)"
    with second(program, theirs) as said:
        assert said == "False False"
    with second("os.environ.pop('HOME'); print(cache_root(), flush=True)", theirs) as said:
        assert said == f"/tmp/autional-{SECOND}/templates"
