"""SIGTERM to a process that is still importing: it ends there, and no interpreter is torn down around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chassis.processes import END_S, ROOT

# Stands in for a library whose import takes long; an exception in the middle of it would be told.
SLOW = """
import signal, sys
try:
    print("importing", flush=True)
    signal.pause()
finally:
    print("torn down", flush=True)
"""


@pytest.mark.parametrize(
    ("arguments", "library", "code"),
    [
        (("identity",), "uvloop", 0),
        (("migrate", "identity"), "alembic", 128 + signal.SIGTERM),
        (("health",), "socket", 128 + signal.SIGTERM),
    ],
    ids=["service", "job", "health"],
)
def test_a_stop_during_an_import_ends_the_process_where_it_stands(
    tmp_path: Path, arguments: tuple[str, ...], library: str, code: int
) -> None:
    """A service has lost nothing; a job that was stopped is not done."""
    (tmp_path / f"{library}.py").write_text(SLOW, encoding="utf-8")
    command = [sys.executable, "-m", "services.chassis", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.terminate()
        said, _ = process.communicate(timeout=END_S)
    assert (process.returncode, said) == (code, "")
