"""Whatever ends pytest or `make test`, what its tests had started ends: servers, a supervisor and all they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from autional_cli.supervisor.guard import PACKAGE_ROOT
from tests.guard import guarded

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
START_S = 90.0
GONE_S = 45.0  # workers of xdist take up to 15 s to notice that their controller is gone
SERVERS = 4
THEIRS = """
import threading
from pathlib import Path

import pytest

from tests.chassis.conftest import servers
from tests.supervisor.harness import Harness, web

__all__ = ["servers"]


@pytest.fixture
def harness(tmp_path):
    made = Harness(tmp_path, "fork")
    made.define(web("alpha"))
    made.up("alpha")
    yield made
    made.kill_everything()
    made.instance.discard_run_dir()


def test_it_is_ended_meanwhile(servers, harness):
    Path({folder!r}, "running").touch()
    threading.Event().wait(100)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
@pytest.mark.parametrize("asked", ["pytest", "make"])
def test_whatever_ends_a_test_run_its_servers_end(tmp_path: Path, asked: str, number: signal.Signals) -> None:
    theirs = tmp_path / "test_theirs.py"
    theirs.write_text(THEIRS.format(folder=str(tmp_path)), encoding="utf-8")
    arguments = ["-c", "pyproject.toml", str(theirs), "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"]
    command = [sys.executable, "-m", "pytest", *arguments]
    if asked == "make":
        command = ["make", "--silent", "test", f"ARGS={' '.join(arguments)}", f"BIN={PACKAGE_ROOT}/.venv/bin"]
    words, keep = guarded(command)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "AUTIONAL_", "MAKE"))}
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=PACKAGE_ROOT,
            env=environment,
            pass_fds=keep,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_for(tmp_path / "running", process, tmp_path / "output")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > SERVERS + 3  # supervisor, guardian, zygote
        if number is signal.SIGHUP:  # a terminal that is closed tells all of its foreground; make itself would wait
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        process.wait(GONE_S)
        _, alive = psutil.wait_procs(family, GONE_S)
        assert [each.cmdline() for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(GONE_S)


def wait_for(path: Path, process: subprocess.Popen[bytes], output: Path) -> None:
    """Return once a file is there; fails past a deadline or when the process has ended."""
    deadline = time.monotonic() + START_S
    while not path.exists():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)
