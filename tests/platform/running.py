"""Real platforms for tests: started, used and stopped through the command line, as a person would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autional_cli.instance import Instance
from tests.guard import guarded, keep_promise, promise

ROOT = Path(__file__).parents[2]
AUTIONAL = Path(sys.executable).with_name("autional")
COMMAND_S = 90


@dataclass(kw_only=True)
class Platform:
    """One instance of the platform, in the workspace `root`."""

    instance: str
    root: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the environment of commands about this instance."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
        return {**inherited, "AUTIONAL_INSTANCE": self.instance, "NO_COLOR": "1", **self.env}

    def run(self, *arguments: str, timeout_s: float = COMMAND_S) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        words, keep = self._guarded(arguments)
        return subprocess.run(
            words,
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            pass_fds=keep,
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command and return at once."""
        words, keep = self._guarded(arguments)
        return subprocess.Popen(
            words,
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=keep,
            **options,
        )

    def _guarded(self, arguments: tuple[str, ...]) -> tuple[list[str], tuple[int, ...]]:
        promise(self.root, self.instance)
        return guarded([AUTIONAL, *arguments])

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed and return its JSON."""
        done = self.run(*arguments, "--format", "json")
        assert done.returncode == 0, f"autional {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def up(self, *arguments: str) -> dict[str, Any]:
        """Start it and return its state."""
        status: dict[str, Any] = self.json("up", *arguments)
        return status

    def status(self) -> dict[str, Any]:
        """Return its present state."""
        status: dict[str, Any] = self.json("ps")
        return status

    def down(self) -> None:
        """Stop it and remove its data; fails if the command cannot prove that nothing is left."""
        done = self.run("down", "--volumes")
        assert done.returncode == 0, done.stderr
        shutil.rmtree(self.home, ignore_errors=True)  # the logs
        Instance.open(self.root, self.instance).discard_run_dir()
        keep_promise(self.root, self.instance)

    def pid(self, name: str) -> int:
        """Return the process id of a service, resource or other unit."""
        status = self.status()
        for service in status["services"]:
            if service["name"] == name:
                return int(service["replicas"][0]["pid"])
        unit = next(unit for unit in (*status["resources"], *status["others"]) if unit["name"] == name)
        return int(unit["pid"])

    def kill(self, name: str) -> int:
        """Kill a unit without warning and return the process id it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    @property
    def home(self) -> Path:
        """Where its state lives."""
        return self.root / ".autional" / self.instance
