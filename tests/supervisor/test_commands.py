"""The commands as a person runs them, on a small workspace with real servers behind it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.errors import ExitCode
from autional_cli.supervisor.guard import PACKAGE_ROOT
from tests.guard import guarded, keep_promise, promise
from tests.supervisor.harness import eventually, get

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = """
from services.chassis.spec import ServiceSpec
SPEC = ServiceSpec(name={name!r}, summary="-", port={port}, error_codes=range({port}, {port} + 1), calls={calls!r})
"""
RUNNER = """
import importlib, os
from tests.supervisor import entries

def main():
    importlib.import_module(f"services.{os.environ['AUTIONAL_SERVICE']}.service")
    return entries.web()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    chassis = tmp_path / "services" / "chassis"
    chassis.mkdir(parents=True)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "services" / "__init__.py").touch()
    (chassis / "__init__.py").touch()
    (chassis / "runner.py").write_text(RUNNER)
    shutil.copy(PACKAGE_ROOT / "services" / "chassis" / "spec.py", chassis)
    for port, (name, calls) in enumerate((("gateway", ("alpha",)), ("alpha", ())), start=11000):
        folder = tmp_path / "services" / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "service.py").write_text(SERVICE.format(name=name, port=port, calls=calls))
    (tmp_path / "stacks" / "full.yaml").write_text("version: 1\nservices: {gateway: {}, alpha: {}}\n")
    return tmp_path


class Cli:
    """Runs commands in the workspace."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("AUTIONAL_")}
        self.env |= {"AUTIONAL_INSTANCE": "commands", "AUTIONAL_START_METHOD": "spawn", "CI": "1"}
        promise(workspace, "commands")

    def __call__(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "autional_cli", *arguments],
            cwd=self.workspace,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*arguments, "--format", "json", exit_code=exit_code).stdout)
        return found


@pytest.fixture
def cli(workspace: Path) -> Iterator[Cli]:
    made = Cli(workspace)
    yield made
    made("down")
    keep_promise(workspace, "commands")


def test_a_platform_is_started_shown_explained_and_stopped(cli: Cli) -> None:
    assert "5 steps; nothing was started" in cli("up", "--dry-run").stderr
    assert not (cli.workspace / ".autional").exists()
    started = cli("up", "--timings")
    assert "ready in" in started.stdout
    assert started.stdout.count("try  ") == 3
    assert "critical" in started.stdout
    assert "ready     gateway" in started.stderr
    status = cli.json("ps")
    assert (status["schema"], status["state"], status["instance"]) == (1, "ready", "commands")
    assert {r["name"] for r in status["resources"]} == {"redis", "cache"}
    assert "***" in status["resources"][0]["url"]
    gateway = {"port": status["gateway"].rpartition(":")[2]}
    assert get(gateway, "/env/AUTIONAL_LAME_DUCK_EARLY") == "1"
    assert get(gateway, "/env/AUTIONAL_REPLICA") == "gateway-0"
    assert "everything is ready" in cli("up", "--dry-run").stderr
    assert cli.json("up", "--dry-run")["steps"] == []
    assert cli("ps").stdout.splitlines()[0].split()[:4] == ["NAME", "STATE", "PID", "RESTARTS"]
    cli("wait", "gateway", "--timeout", "5")
    assert "gateway is ready" in cli("why", "gateway").stdout
    os.kill(status["services"][0]["replicas"][0]["pid"], signal.SIGKILL)
    eventually(lambda: "restarted once" in cli("why", "gateway").stdout, "the restart")
    cli("restart", "alpha")
    assert "no process and no port is left" in cli("down").stdout
    assert cli.json("ps")["state"] == "stopped"
    assert "not running" in cli("down", "--volumes").stdout
    assert not (cli.workspace / ".autional" / "commands" / "data" / "redis").exists()


def test_a_mistake_ends_with_its_exit_code_and_the_next_command(cli: Cli) -> None:
    for arguments, code, words in (
        (("wait",), ExitCode.BACKEND_UNAVAILABLE, "next: autional up"),
        (("why", "gateway"), ExitCode.BACKEND_UNAVAILABLE, "next: autional up"),
        (("wait", "--for", "bliss"), ExitCode.USAGE, "no state 'bliss'"),
        (("up", "alhpa"), ExitCode.USAGE, "alpha"),
        (("up", "--stack", "fulll"), ExitCode.CONFIGURATION, "full"),
        (("up", "--driver", "nomad"), ExitCode.USAGE, "nomad"),
        (("ps", "--instance", "Bad Name"), ExitCode.USAGE, "not valid"),
    ):
        assert words in cli(*arguments, exit_code=code).stderr


def test_a_failing_service_ends_up_with_exit_6_and_wait_with_5_or_6(cli: Cli) -> None:
    service = cli.workspace / "services" / "alpha" / "service.py"
    service.write_text(service.read_text() + "import os\nif 'AUTIONAL_SERVICE' in os.environ: os.environ['ABSENT']\n")
    failed = cli("up", exit_code=ExitCode.SERVICE_FAILED)
    assert "KeyError: 'ABSENT'" in failed.stderr
    assert "next: autional why alpha" in failed.stderr
    explained = cli("why", "gateway").stdout
    assert "gateway → alpha" in explained
    cli("wait", exit_code=ExitCode.SERVICE_FAILED)
    cli("wait", "redis", "--for", "stopped", "--timeout", "0.2", exit_code=ExitCode.WAIT_TIMED_OUT)


BROKEN = """
import os

if os.environ.get("AUTIONAL_SERVICE") == "gateway":
    raise RuntimeError("a bad edit")
"""


def test_an_unknown_name_changes_nothing_whatever_the_command(cli: Cli) -> None:
    assert "did you mean 'gateway'?" in cli("why", "gatewy", exit_code=ExitCode.USAGE).stderr
    assert "did you mean 'gateway'?" in cli("up", "gatewy", exit_code=ExitCode.USAGE).stderr
    assert cli.json("ps")["state"] == "stopped"
    cli("up")
    cli("drain", "gateway")
    before = cli.json("ps")["services"]
    for command in (
        ("up", "alhpa"),
        ("up", "alpha", "gatewy"),
        ("up", "gatewy", "--no-wait"),
        ("up", "gatewy", "--dry-run"),
        ("restart", "alpha", "gatewy"),
        ("scale", "alpha=2", "gatewy=1"),
        ("drain", "alpha", "gatewy"),
        ("drain", "alpha", "gatewy", "--restart"),
        ("wait", "alhpa"),
        ("why", "alhpa"),
        ("logs", "alhpa"),
        ("trace", "last", "--service", "alhpa"),
        ("trace", "--errors", "--service", "alhpa"),
    ):
        refused = cli(*command, exit_code=ExitCode.USAGE)
        assert "alhpa" in refused.stderr or "gatewy" in refused.stderr, command
        assert cli.json("ps")["services"] == before, command
    for command in (("up", "alhpa"), ("restart", "alhpa"), ("wait", "alhpa"), ("trace", "last", "--service", "alhpa")):
        assert "did you mean 'alpha'?" in cli(*command, exit_code=ExitCode.USAGE).stderr


def test_up_of_one_service_leaves_alone_what_was_drained(cli: Cli) -> None:
    cli("up")
    cli("drain", "--all")
    cli("up", "alpha")
    states = {service["name"]: service["state"] for service in cli.json("ps")["services"]}
    assert states == {"alpha": "ready", "gateway": "stopped"}
    cli("up")
    assert cli.json("ps")["state"] == "ready"


def test_a_broken_unit_is_never_a_success(cli: Cli) -> None:
    cli("up")
    code = cli.workspace / "services" / "gateway" / "service.py"
    mended = code.read_text()
    code.write_text(mended + BROKEN)
    cli("wait", "gateway", "--for", "failed", "--timeout", "30")
    for command in (("up",), ("up", "alpha"), ("wait",), ("wait", "alpha"), ("restart", "alpha"), ("up", "gateway")):
        failed = cli(*command, "--timeout", "30", exit_code=ExitCode.SERVICE_FAILED)
        assert "gateway" in failed.stderr
        assert "next: autional why gateway" in failed.stderr, command
    cli("up", "alpha", "--format", "json", exit_code=ExitCode.SERVICE_FAILED)
    code.write_text(mended)
    cli("wait", "--timeout", "30")
    assert "ready" in cli("up").stdout


def test_ctrl_c_during_up_stops_everything_with_exit_130(cli: Cli) -> None:
    (cli.workspace / "services" / "chassis" / "runner.py").write_text(
        "import signal\ndef main():\n    signal.pause()\n"
    )
    words, keep = guarded([sys.executable, "-m", "autional_cli", "up"])
    process = subprocess.Popen(words, cwd=cli.workspace, env=cli.env, stderr=subprocess.PIPE, text=True, pass_fds=keep)
    assert process.stderr is not None
    with process.stderr:
        while "starting  gateway" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == ExitCode.INTERRUPTED
        assert "interrupted: what this `up` had started is stopped" in process.stderr.read()
    assert cli.json("ps")["state"] == "stopped"


def test_a_closed_terminal_leaves_the_platform_running(cli: Cli) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cli.workspace)
        os.execve(sys.executable, [sys.executable, "-m", "autional_cli", "up"], cli.env | {"TERM": "xterm"})
    eventually(lambda: cli.json("ps")["services"], "the start to begin", 30)
    os.close(terminal)  # the kernel sends SIGHUP to the session of the terminal
    os.waitpid(pid, 0)
    cli("wait", "--timeout", "30")
    assert cli.json("ps")["state"] == "ready"


def test_the_doctor_examines_this_machine(cli: Cli) -> None:
    found = cli.json("doctor")
    names = {finding["name"]: finding["level"] for finding in found["findings"]}
    assert found["ok"]
    assert names["postgres"] == names["valkey"] == names["mongo"] == "ok"
    assert {"interpreter", "ports", "disk", "clock", "docker engine"} <= names.keys()
