"""A real telemetry process, and the real command line beside it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.log_lines import format_timestamp
from tests.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Recording

ROOT = Path(__file__).parents[2]
ENTRY = "import sys; from autional_cli.telemetry.server import main; sys.exit(main())"
DEADLINE_S = 20.0


@dataclass
class Answer:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Workspace:
    """A directory with one instance in it, as the command line finds it."""

    root: Path

    def __post_init__(self) -> None:
        for mark in ("stacks", "services"):
            (self.root / mark).mkdir(exist_ok=True)

    @property
    def home(self) -> Path:
        return self.root / ".autional" / "default"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def store(self) -> Path:
        return self.home / "traces.db"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a command in this workspace, without the caller's own settings."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AUTIONAL_", "NO_COLOR", "CI"))}
        fixed = {"AUTIONAL_WORKSPACE": str(self.root), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "120"}
        return {**kept, **fixed, **more}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `autional …` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "autional_cli", *arguments],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def log(self, unit: str, event: str, at_s: float, **fields: Any) -> None:
        """Append a line to a structured log."""
        self.logs.mkdir(parents=True, exist_ok=True)
        line = {"timestamp": format_timestamp(at_s), "level": "info", "service": unit, "event": event, **fields}
        with (self.logs / f"{unit}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


class Telemetry:
    """The process under test."""

    def __init__(self, workspace: Workspace, process: subprocess.Popen[bytes], inbox: socket.socket) -> None:
        self.workspace = workspace
        self.process = process
        self.inbox = inbox
        ready = self.next_notification()
        assert ready["READY"] == "1"
        self.port = int(ready["STATUS"].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_notification(self) -> dict[str, str]:
        """Wait for the next datagram that the process sends to its supervisor."""
        return dict(line.split("=", 1) for line in self.inbox.recv(4096).decode().splitlines())

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Make one HTTP request; underscores in header names become hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def send(self, recording: Recording) -> Answer:
        """Send a trace as an exporter would."""
        body = json.dumps(recording.document()).encode()
        answer = self.request("POST", "/v1/traces", body, Content_Type="application/json")
        assert answer.status == 200, answer.body
        return answer

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@contextmanager
def run_telemetry(workspace: Workspace, *, before: str = "", **more: str) -> Iterator[Telemetry]:
    """Start a telemetry process on a free port; it is stopped, by force if need be, at the end.

    `before` is Python that the process runs first.
    """
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.settimeout(DEADLINE_S)
        inbox.bind(f"{directory}/notify")
        environment = workspace.environment(
            AUTIONAL_HTTP_PORT="0",
            AUTIONAL_TRACES_DB=str(workspace.store),
            AUTIONAL_LOGS_DIR=str(workspace.logs),
            AUTIONAL_LOG_FILE=str(workspace.logs / "telemetry.jsonl"),
            NOTIFY_SOCKET=f"{directory}/notify",
            **more,
        )
        words, keep = guarded([sys.executable, "-W", "error", "-c", before + ENTRY])
        process = subprocess.Popen(words, env=environment, pass_fds=keep)
        try:
            telemetry = Telemetry(workspace, process, inbox)
            yield telemetry
            if process.poll() is None:
                assert telemetry.stop() == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(DEADLINE_S)
