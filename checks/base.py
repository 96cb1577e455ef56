"""The base branch: what is released. Files as they are there, read through one `git cat-file` process."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from checks.model import IncompleteError

GIT_S = 20.0
CANDIDATES = (
    "refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master",
    "refs/heads/main", "refs/heads/master",
)  # fmt: skip


class Base:
    """The commit that this work is compared with: where it left the base branch; on that branch itself, HEAD."""

    def __init__(self, root: Path, wanted: str = "") -> None:
        self._root = root
        self._wanted = wanted
        self._blobs: dict[str, bytes | None] = {}

    @cached_property
    def commit(self) -> str:
        """The commit's id; empty outside a repository or before the first commit.

        IncompleteError when the branch that was asked for is not there, or git does not answer.
        """
        if self._wanted:
            found = self._git("rev-parse", "--verify", "--quiet", f"{self._wanted}^{{commit}}")
            if not found:
                raise IncompleteError(
                    f"there is no branch or commit {self._wanted!r}", hint=f"git fetch; --base {self._wanted}"
                )
            return self._git("merge-base", "HEAD", self._wanted) or found
        there = self._git("for-each-ref", "--format=%(refname)", *CANDIDATES).splitlines()
        for name in CANDIDATES:
            if name in there:
                return self._git("merge-base", "HEAD", name) or self._git("rev-parse", f"{name}^{{commit}}")
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
        if path not in self._blobs:  # who asks for one service's file asks for that of all others next
            name = path.rpartition("/")[2]
            alike = sorted(each for each in self.paths if each.rpartition("/")[2] == name)
            self._blobs |= zip(alike, self._read_all(alike), strict=True)
        return self._blobs[path]

    def _read_all(self, paths: Sequence[str]) -> Iterator[bytes | None]:
        """Yield the bytes of files, by one process."""
        wanted = "".join(f"{self.commit}:{path}\n" for path in paths)
        answer = io.BytesIO(self._run("cat-file", "--batch", given=wanted.encode()).stdout)
        for _ in paths:
            words = answer.readline().split()  # id, type, size; or what was asked for, and "missing"
            if len(words) == 3 and words[2].isdigit():
                yield answer.read(int(words[2]))
                answer.read(1)
            else:
                yield None

    def _git(self, *arguments: str) -> str:
        done = self._run("-c", "core.quotepath=off", *arguments)
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""

    def _run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        argv = ["git", "-C", str(self._root), *arguments]
        try:
            return subprocess.run(argv, input=given, capture_output=True, timeout=GIT_S, check=False)  # noqa: S603
        except FileNotFoundError:
            raise IncompleteError("git is not installed; rules that compare with the base branch need it") from None
        except subprocess.TimeoutExpired:
            raise IncompleteError(f"git {' '.join(arguments[:4])} did not answer within {GIT_S:.0f} s") from None
