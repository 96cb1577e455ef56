"""Nothing from outside reaches a terminal as it came: every command, with hostile text in all that it reads."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import unicodedata
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autional_cli.instance import Instance
from autional_cli.main import COMMANDS
from autional_cli.supervisor.guard import PACKAGE_ROOT
from tests.supervisor.test_commands import SERVICE
from tests.telemetry.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = "FORGED"
EVIL = f"\x1b]0;owned\x07\x1b[2J\x9b31m\u202eneve\u2066\u200b\u2028\tx\x08\x7f\r\n{FORGED}"
HIDDEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}
OURS = re.compile(r"\x1b\[(?:0|1|2|31|33|1;31|38;5;\d{1,3})m")
INSTANCE = "hostile"
RUNNER = """
import os, sys
from autional_cli.supervisor.notify import notify

def main():
    evil = os.environ["EVIL"]
    sys.stdout.write(evil + "\\n")
    sys.stdout.flush()
    if os.environ["AUTIONAL_SERVICE"] == "alpha":
        raise RuntimeError(evil)
    from tests.supervisor import entries
    notify(STATUS=evil.replace("\\n", " "))
    return entries.web()
"""
# What each command is called with besides its help. Every command of the command line is here, or a test fails.
CALLS: dict[str, list[tuple[str, ...]]] = {
    "up": [("--dry-run",), (EVIL,), ("--stack", EVIL), ("--stack", "evil"), ("alpha", "--format", "json")],
    "down": [("--instance", EVIL), ("--instance", "never-was")],
    "ps": [(), ("--format", "json"), ("--instance", EVIL)],
    "wait": [("--timeout", "0.1"), (EVIL,)],
    "restart": [(EVIL,), ("alpha",)],
    "scale": [(EVIL,), (f"{EVIL}=2",), ("alpha=9",)],
    "logs": [
        (),
        ("--format", "json"),
        ("gateway",),
        ("alpha",),
        ("evil",),
        (EVIL,),
        ("--grep", EVIL),
        ("--level", EVIL),
    ],
    "why": [(), ("alpha",), ("gateway",), ("alpha", "--format", "json"), (EVIL,)],
    "doctor": [(), ("--format", "json")],
    "smoke": [("--timeout", "1"), (EVIL,)],
    "chaos": [(), ("list",), (EVIL,), ("latency", EVIL), ("kill", EVIL)],
    "trace": [
        ("last",),
        ("last", "--format", "json"),
        ("--errors",),
        ("--slowest", "5"),
        ("--slowest", "5", "--format", "json"),
        (EVIL,),
        ("last", "--service", EVIL),
        ("last", "--jaeger", f"http://127.0.0.1:1/{EVIL}"),
        ("last", "--jaeger", "TELEMETRY"),
        ("--slowest", "5", "--jaeger", "TELEMETRY"),
    ],
    "events": [("tail", EVIL), ("dlq", "list"), ("dlq", "show", EVIL), ("dlq", "replay", EVIL), (EVIL,)],
    "db": [("shell", EVIL), (EVIL,)],
    "new": [(EVIL,), ("loyalty", "--publishes", EVIL, "--dry-run"), ("loyalty", "--calls", EVIL)],
    "check": [("--lane", "static"), ("--lane", EVIL), ("--explain", EVIL), ("--lane", "static", "--format", "json")],
    "migrate": [("status", EVIL), ("up", EVIL), ("new", "-s", EVIL, "-m", EVIL), (EVIL,)],
    "drift": [(EVIL,), ("--instance", EVIL)],
    "test": [("--parity", "--side", EVIL, "--side", EVIL), ("--driver", EVIL)],
    "drain": [(EVIL,), ("--timeout", EVIL)],
    "image": [("build", "--tag", EVIL), (EVIL,)],
    "export": [("kubernetes", "--image", EVIL), ("swarm", "--stack", EVIL), (EVIL,)],
}


class Shell:
    """Runs commands in the workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AUTIONAL_", "NO_COLOR"))}
        self.env = {
            **kept,
            "AUTIONAL_INSTANCE": INSTANCE,
            "AUTIONAL_START_METHOD": "spawn",
            "PYTHONUTF8": "1",
            "EVIL": EVIL,
            "EDITOR": EVIL,
            "TERM": "xterm-256color",
        }

    def run(self, *arguments: str, **more: str) -> str:
        """Run a command whose output goes into a pipe; return all that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "autional_cli", *arguments],
            cwd=self.root,
            env={**self.env, "CI": "1", **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return (done.stdout + b"\n" + done.stderr).decode()

    def run_on_terminal(self, *arguments: str) -> str:
        """Run a command on a terminal of its own; return what the terminal was sent."""
        ours, theirs = pty.openpty()
        env = {key: value for key, value in self.env.items() if key != "CI"}
        process = subprocess.Popen(
            [sys.executable, "-m", "autional_cli", *arguments],
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        seen = bytearray()
        with suppress(OSError):  # its last reader sees EIO
            while select.select([ours], [], [], 60)[0] and (block := os.read(ours, 65536)):
                seen += block
        os.close(ours)
        process.wait(60)
        return seen.decode().replace("\r\n", "\n")


def unsafe(text: str) -> list[str]:
    """Return the characters that no terminal should get, and lines that pass for ours."""
    found = [f"U+{ord(each):04X}" for each in text if unicodedata.category(each) in HIDDEN and each != "\n"]
    return found + [line for line in text.splitlines() if line.startswith(FORGED)]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    root = tmp_path_factory.mktemp("hostile")
    write_workspace(root)
    shell = Shell(root)
    try:
        assert unsafe(shell.run("up", "--timeout", "30")) == []
        feed(Instance.open(root, INSTANCE))
        yield shell
    finally:
        shell.run("down", "--volumes")
        Instance.open(root, INSTANCE).discard_run_dir()


def write_workspace(root: Path) -> None:
    """Make a workspace with two services, of which `alpha` never starts, and files with hostile names and content."""
    chassis = root / "services" / "chassis"
    chassis.mkdir(parents=True)
    (root / "stacks").mkdir()
    (root / "services" / "__init__.py").touch()
    (chassis / "__init__.py").touch()
    (chassis / "runner.py").write_text(RUNNER)
    shutil.copy(PACKAGE_ROOT / "services" / "chassis" / "spec.py", chassis)
    for port, name in enumerate(("gateway", "alpha"), start=11000):
        folder = root / "services" / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "service.py").write_text(SERVICE.format(name=name, port=port, calls=()))
    environment = json.dumps({"EVIL": EVIL})
    stack = f"version: 1\nservices: {{gateway: {{env: {environment}}}, alpha: {{env: {environment}}}}}\n"
    (root / "stacks" / "full.yaml").write_text(stack)
    (root / "stacks" / "evil.yaml").write_text(f"version: 1\nservices: {{{json.dumps(EVIL)}: {{}}}}\n")
    file_name = EVIL.replace("/", "")
    (root / "stacks" / f"{file_name}.yaml").write_text("version: 2\n")
    (root / "services" / "gateway" / f"{file_name}.py").write_text(f"# TODO {EVIL!r}\nimport os\neval(os.name)\n")


def feed(instance: Instance) -> None:
    """Send hostile spans, and write hostile log lines."""
    recording = Recording()
    evil = {EVIL: EVIL, "db.query.text": EVIL, "db.system.name": "postgresql", "error.type": EVIL}
    root = recording.span(EVIL, 0, 90, service=EVIL, instance=EVIL, kind="server", error=True, message=EVIL)
    for number in range(6):
        call = recording.span(EVIL, number * 10, number * 10 + 9, root, service=EVIL, kind="client", error=True)
        call.attributes = dict(evil)
    recording.span(f"send {EVIL}", 61, 62, root, service=EVIL, kind="producer", exception=(EVIL, EVIL))
    recording.span("x", 63, 64, "b" * 16, service=f"{EVIL}2", kind="consumer", error=True, message=EVIL)
    body = json.dumps(recording.document()).encode()
    url = f"http://127.0.0.1:{instance.block.telemetry}/v1/traces"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    line = {"timestamp": "2026-11-28T10:00:00Z", "level": EVIL, "event": EVIL, EVIL: EVIL, "exception": EVIL}
    line |= {"trace_id": recording.trace_id, "span_id": root.span_id}
    for name in ("evil.jsonl", "gateway.jsonl"):
        with (instance.logs_dir / name).open("a") as file:
            file.write(json.dumps(line) + "\n" + json.dumps(line, ensure_ascii=False) + f"\n{EVIL}\n")


def test_every_command_is_called() -> None:
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_what_came_from_outside_as_it_came(shell: Shell, command: str) -> None:
    telemetry = f"http://127.0.0.1:{Instance.open(shell.root, INSTANCE).block.telemetry}"
    for arguments in ((EVIL, EVIL, EVIL), (f"--{EVIL}",), ("--format", EVIL), ("--help",), *CALLS[command]):
        if command == "test" and arguments[0] == EVIL:
            continue  # what pytest prints is pytest's
        shown = shell.run(command, *(telemetry if each == "TELEMETRY" else each for each in arguments))
        assert unsafe(shown) == [], (arguments, shown)
        assert shown.strip(), arguments


@pytest.mark.parametrize("variable", ["AUTIONAL_INSTANCE", "AUTIONAL_WORKSPACE", "AUTIONAL_START_METHOD", "COLUMNS"])
@pytest.mark.parametrize("command", [("ps",), ("trace", "last"), ("up", "--dry-run"), ("logs",), ("--debug", "ps")])
def test_nor_what_the_environment_says(shell: Shell, command: tuple[str, ...], variable: str) -> None:
    assert unsafe(shell.run(*command, **{variable: EVIL})) == []


@pytest.mark.parametrize(
    "command",
    [("trace", "last"), ("trace", "--errors"), ("logs",), ("why", "alpha"), ("ps",), ("trace", EVIL), ("wait", EVIL)],
)
def test_a_terminal_gets_our_colours_and_nothing_else(shell: Shell, command: tuple[str, ...]) -> None:
    shown = shell.run_on_terminal(*command)
    assert unsafe(OURS.sub("", shown)) == []
    if command in (("trace", "last"), ("logs",)):
        assert OURS.search(shown)
        assert "\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202eneve\\u2066\\u200b" in shown


def test_json_is_whole_and_says_the_same(shell: Shell) -> None:
    document = json.loads(shell.run("trace", "last", "--format", "json").split("\n\n")[0])
    assert document["spans"][0]["name"] == EVIL
    assert document["spans"][0]["service"] == EVIL
