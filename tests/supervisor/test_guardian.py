"""The guardian as a real process that guards real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from autional_cli.supervisor.guard import PACKAGE_ROOT
from autional_cli.supervisor.guardian import read
from autional_cli.supervisor.process import is_alive, start_time
from tests.supervisor.harness import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEPER = "import signal, sys; print('up', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    made: list[subprocess.Popen[str]] = []
    yield made
    for process in made:
        process.kill()
        process.wait(5)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def start(code: str, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def guardian(lock: Path, started: list[subprocess.Popen[str]], lines: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", "-s", "-m", "autional_cli.supervisor.guardian", str(lock)],
        cwd=PACKAGE_ROOT,
        stdin=subprocess.PIPE,
        text=True,
    )
    started.append(process)
    assert process.stdin is not None
    process.stdin.write(lines)
    process.stdin.close()
    return process


def ward(process: subprocess.Popen[str], stop: int = signal.SIGTERM, began: str = "") -> str:
    return f"add {process.pid} {began or start_time(process.pid)} {int(stop)} {int(signal.SIGKILL)} 0 a name\n"


def test_everything_is_stopped_when_the_supervisor_is_gone(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    one, two = start(SLEEPER, started), start(SLEEPER, started)
    (tmp_path / "control.sock").touch()
    watch = guardian(tmp_path / "lock", started, ward(one) + ward(two) + f"socket {tmp_path / 'control.sock'}\n")
    assert one.wait(5) == two.wait(5) == -signal.SIGTERM
    assert watch.wait(5) == 0
    assert not (tmp_path / "control.sock").exists()


def test_a_process_that_ignores_the_stop_signal_is_killed(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    process = start(STUBBORN, started)
    watch = guardian(tmp_path / "lock", started, ward(process))
    assert process.wait(10) == -signal.SIGKILL
    assert watch.wait(5) == 0


def test_bye_leaves_everything_alone(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    process = start(SLEEPER, started)
    assert guardian(tmp_path / "lock", started, ward(process) + "bye\n").wait(5) == 0
    assert process.poll() is None


def test_a_process_that_only_has_the_number_of_an_old_one_is_left_alone(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    process = start(SLEEPER, started)
    assert guardian(tmp_path / "lock", started, ward(process, began="1")).wait(5) == 0
    assert process.poll() is None


def test_processes_that_ended_are_forgotten() -> None:
    wards, sockets, bye = read(["add 1 5 15 9 0 a b", "add 2 6 2 3 80 postgres", "del 1", "socket /tmp/x"])
    assert [(w.name, w.stop, w.kill, w.wake_port) for w in wards.values()] == [("postgres", 2, 3, 80)]
    assert [str(path) for path in sockets] == ["/tmp/x"]
    assert not bye


def test_a_zombie_does_not_count_as_alive(started: list[subprocess.Popen[str]]) -> None:
    process = start(SLEEPER, started)
    began = start_time(process.pid)
    assert is_alive(process.pid, began)
    process.kill()
    eventually(lambda: not is_alive(process.pid, began), "the killed process to be a zombie")


@pytest.mark.parametrize(("last_words", "runs"), [("", True), ("bye\n", False)])
def test_what_outlives_its_process_is_stopped_by_a_command_unless_all_was_stopped_in_order(
    tmp_path: Path, started: list[subprocess.Popen[str]], last_words: str, runs: bool
) -> None:
    command = [str(tmp_path), sys.executable, "-c", "open('stopped', 'w')"]
    lines = f"after redis {json.dumps(['/', 'false'])}\nafter redis {json.dumps(command)}\n{last_words}"
    assert guardian(tmp_path / "lock", started, lines).wait(20) == 0
    assert (tmp_path / "stopped").exists() is runs
