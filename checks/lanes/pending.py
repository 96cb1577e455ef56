"""A lane's result that is still being made."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from checks.model import IncompleteError

if TYPE_CHECKING:
    from checks.tools.process import Tool

LANE_S = 1800.0  # the live lane takes minutes; each tool in a lane has a limit of its own
Result = TypeVar("Result")


class Pending(Generic[Result]):
    """A lane in a process of its own: started at once, waited for when a rule first asks."""

    def __init__(self, module: str, root: Path, read: Callable[[Any], Result], arguments: tuple[str, ...] = ()) -> None:
        self._module = module
        self._read = read
        # The workspace comes first: what is checked is its code, not that of an installed copy.
        environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, str(root), *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def result(self) -> Result:
        """Return what the lane found. IncompleteError, the same one each time, when it found nothing out."""
        answer = self._answer
        if "incomplete" in answer:
            raise IncompleteError(answer["incomplete"], hint=answer.get("hint", ""))
        return self._read(answer)

    @cached_property
    def _answer(self) -> Mapping[str, Any]:
        try:
            out, error = self._process.communicate(timeout=LANE_S)
        except subprocess.TimeoutExpired:
            self.close()
            return {"incomplete": f"{self._module} did not end within {LANE_S:.0f} s"}
        try:
            answer: dict[str, Any] = json.loads(out)
        except ValueError:
            last = (error.decode("utf-8", "replace").strip().splitlines() or ["no output"])[-1]
            return {"incomplete": f"{self._module} failed: {last}", "hint": f"python -m {self._module} ."}
        return answer

    def close(self) -> None:
        """Stop a lane that nobody waits for any more."""
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()


class Late(Generic[Result]):
    """A tool that is started when it is asked, unless that is so likely that it does not wait.

    `begin` takes the paths that the tool is not to look at.
    """

    def __init__(self, begin: Callable[[Collection[str]], Tool[Result] | Known[Result]], *, wait: bool) -> None:
        self._begin = begin
        self._tool = None if wait else begin(())

    def result(self) -> Result:
        """Return what the tool found. IncompleteError when it could not look."""
        self._tool = self._tool or self._begin(())
        return self._tool.result()

    def without(self, paths: Collection[str]) -> Result:
        """Return what the tool finds when it does not look at some files, on which it has failed."""
        self.close()
        self._tool = self._begin(paths)
        return self._tool.result()

    def close(self) -> None:
        """Stop it if it was started."""
        if self._tool:
            self._tool.close()


class Known(Generic[Result]):
    """A result that is there already: from the cache, or given by a test case."""

    def __init__(self, value: Result) -> None:
        self._value = value

    def result(self) -> Result:
        """Return it."""
        return self._value

    def close(self) -> None:
        """There is nothing to stop."""
