"""The base branch: what is released. Files as they are there, read through one `git cat-file` process."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path

from checks.model import IncompleteError

GIT_S = 20.0
CANDIDATES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


class Base:
    """The commit that this work is compared with: where it left the base branch; on that branch itself, HEAD."""

    def __init__(self, root: Path, wanted: str = "") -> None:
        self._root = root
        self._wanted = wanted

    @cached_property
    def commit(self) -> str:
        """The commit's id; empty outside a repository or before the first commit.

        IncompleteError when the branch that was asked for is not there, or git does not answer.
        """
        for name in (self._wanted,) if self._wanted else CANDIDATES:
            if self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
                return self._git("merge-base", "HEAD", name) or self._git("rev-parse", name)
        if self._wanted:
            raise IncompleteError(
                f"there is no branch or commit {self._wanted!r}", hint=f"git fetch; --base {self._wanted}"
            )
        return self._git("rev-parse", "--verify", "--quiet", "HEAD")

    @cached_property
    def paths(self) -> set[str]:
        """Every file of the base."""
        return set(self._git("ls-tree", "-r", "--name-only", self.commit).splitlines()) if self.commit else set()

    @cached_property
    def changed(self) -> set[str]:
        """Files that differ from the base or are new, deleted ones included."""
        if not self.commit:
            return set()
        differ = self._git("diff", "--name-only", "--no-renames", self.commit).splitlines()
        new = self._git("ls-files", "--others", "--exclude-standard").splitlines()
        return {path for path in (*differ, *new) if path}

    def read(self, path: str) -> bytes | None:
        """Return a file as it is in the base; None when it is not there."""
        if path not in self.paths:
            return None
        argv = ["git", "-C", str(self._root), "cat-file", "blob", f"{self.commit}:{path}"]
        done = subprocess.run(argv, capture_output=True, timeout=GIT_S, check=False)  # noqa: S603 - git, our arguments
        return done.stdout if done.returncode == 0 else None

    def _git(self, *arguments: str) -> str:
        argv = ["git", "-C", str(self._root), "-c", "core.quotepath=off", *arguments]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=GIT_S, check=False)  # noqa: S603
        except FileNotFoundError:
            raise IncompleteError("git is not installed; rules that compare with the base branch need it") from None
        except subprocess.TimeoutExpired:
            raise IncompleteError(f"git {arguments[0]} did not answer within {GIT_S:.0f} s") from None
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
