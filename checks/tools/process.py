"""A tool as a process: found beside our interpreter, started early, waited for late, never trusted to be silent."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from shutil import which
from typing import Generic, TypeVar

from checks.model import IncompleteError

TOOL_S = 120.0
Result = TypeVar("Result")


def locate(name: str) -> str:
    """Return the path of a tool. IncompleteError when it is not installed: a check that is not there is not passed."""
    found = which(name, path=str(Path(sys.executable).parent)) or which(name)
    if found is None:
        raise IncompleteError(f"{name} is not installed", hint="pip install 'autional[checks]'")
    return found


class Tool(Generic[Result]):
    """One run of a tool. `good` are the exit codes that mean that it looked: most tools say 1 for "found something"."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        root: Path,
        read: Callable[[str], Result],
        good: Collection[int] = (0, 1),
    ) -> None:
        self._name = name
        self._read = read
        self._good = good
        self._process: subprocess.Popen[bytes] | None = None
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close(), after the tool has ended
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a located tool, our own arguments
                [locate(name), *arguments], cwd=root, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.PIPE
            )
        except IncompleteError as failure:
            self._missing: IncompleteError | None = failure
        else:
            self._missing = None

    def result(self) -> Result:
        """Return what the tool found. IncompleteError when it is missing, failed, or did not end."""
        if self._missing:
            raise self._missing
        return self._parsed

    @cached_property
    def _parsed(self) -> Result:
        assert self._process is not None
        try:
            _, error = self._process.communicate(timeout=TOOL_S)
        except subprocess.TimeoutExpired:
            self.close()
            raise IncompleteError(f"{self._name} did not end within {TOOL_S:.0f} s") from None
        if self._process.returncode not in self._good:
            words = error.decode("utf-8", "replace").strip().splitlines()
            raise IncompleteError(f"{self._name} failed ({self._process.returncode}): {(words or ['no message'])[-1]}")
        self._out.seek(0)
        try:
            return self._read(self._out.read().decode("utf-8", "replace"))
        except (ValueError, KeyError, TypeError) as failure:
            raise IncompleteError(f"{self._name} answered something that is not understood: {failure}") from failure

    def close(self) -> None:
        """Stop it if it still runs."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            if self._process.stderr:
                self._process.stderr.close()
        self._out.close()
