"""The base branch: what is released. Files as they are there, read through one `git cat-file` process.

Without it nobody can say what is released: whatever asks then hears IncompleteError, with the command that brings it.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from checks.model import IncompleteError
from checks.repository import GitError, git
from checks.sources import shown

BRANCHES = ("main", "master")
COMMIT = re.compile("[0-9a-f]{7,64}")
# Where a person, GitHub and GitLab say which branch a change goes to.
VARIABLES = ("AUTIONAL_BASE", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")


def named(environment: Mapping[str, str] = os.environ) -> str:
    """Return the branch that a change goes to as its surroundings say it; empty when they do not."""
    return next((environment[name] for name in VARIABLES if environment.get(name)), "")


class Base:
    """The commit that this work is compared with: where it left the base branch; on that branch itself, HEAD."""

    def __init__(self, root: Path, wanted: str = "") -> None:
        self._root = root
        self._wanted = wanted
        self._blobs: dict[str, bytes | None] = {}

    @cached_property
    def commit(self) -> str:
        """The commit's id; empty before the first commit of all, when nothing is released.

        IncompleteError, with the command that helps, when there is no repository, no base branch, or no way from it
        to HEAD in what was cloned.
        """
        tip = self._tip()
        if not tip:
            return ""
        if not self._commit_of("HEAD"):
            return tip
        try:
            return self._git("merge-base", "HEAD", tip)
        except GitError as failure:
            if failure.code != 1:
                raise
        if self._git("rev-parse", "--is-shallow-repository") == "true":
            message = "this clone is too shallow to show where HEAD left the base branch"
            raise IncompleteError(message, hint=self._fetch(self._wanted))
        return tip  # two histories that never met: what is there is what is released

    def _tip(self) -> str:
        """Return the last commit of the base branch."""
        self._git("rev-parse", "--git-dir")  # raises where there is no repository
        remote = self._remote
        if self._wanted:
            found = self._commit_of(self._wanted) or self._commit_of(f"refs/remotes/{remote}/{self._wanted}")
            if found:
                return found
            raise IncompleteError(f"there is no branch or commit {self._wanted!r}", hint=self._fetch(self._wanted))
        for place in (f"refs/remotes/{remote}", "refs/heads"):
            for branch in BRANCHES:
                found = self._commit_of(f"{place}/{branch}")
                if found:
                    return found
        if not self._commit_of("HEAD") and not self._git("for-each-ref", "--count=1"):
            return ""
        message = f"there is no base branch here: neither {' nor '.join(BRANCHES)}, of {remote} or local"
        raise IncompleteError(message, hint=self._fetch(""))

    @cached_property
    def _remote(self) -> str:
        """The remote that work goes to."""
        there = self._git("remote").splitlines()
        return "origin" if "origin" in there or not there else there[0]

    def _commit_of(self, name: str) -> str:
        """Return the commit of a name, empty where there is none. IncompleteError for a reference that is damaged."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitError:
            pass
        removal = self._removal(name) if name.startswith("refs/") else ""
        if removal:
            hint = f"{removal} && {self._fetch(name.rpartition('/')[2])}"
            raise IncompleteError(f"the reference {name} is damaged: it leads to no commit", hint=hint)
        return ""

    def _removal(self, name: str) -> str:
        """Return the command that removes a reference that is written down, whatever it leads to; else nothing."""
        place = Path(self._root, self._git("rev-parse", "--git-common-dir"))
        if place.joinpath(name).is_file():
            return f"rm {shlex.quote(str(place / name))}"
        packed = place / "packed-refs"
        there = packed.is_file() and f" {name}\n".encode() in packed.read_bytes()
        return f"git update-ref --no-deref -d {name}" if there else ""

    def _fetch(self, wanted: str) -> str:
        """Return the command that brings a branch, with enough history to compare with."""
        branch = wanted.removeprefix("refs/heads/").removeprefix(f"{self._remote}/") or BRANCHES[0]
        if not self._git("remote"):
            return "autional check --base BRANCH, with a branch or commit that is here (or AUTIONAL_BASE=BRANCH)"
        shallow = self._git("rev-parse", "--is-shallow-repository") == "true"
        depth = "--unshallow " if shallow else ""
        if COMMIT.fullmatch(branch):
            return f"git fetch {depth}{self._remote} {branch}"
        return f"git fetch {depth}{self._remote} +refs/heads/{branch}:refs/remotes/{self._remote}/{branch}"

    @cached_property
    def paths(self) -> set[str]:
        """Every file of the base."""
        return set(names(self._run("ls-tree", "-r", "-z", "--name-only", self.commit))) if self.commit else set()

    @cached_property
    def changed(self) -> set[str]:
        """Files that differ from the base or are new, deleted ones included."""
        if not self.commit:
            return set(names(self._run("ls-files", "-z", "--cached", "--others", "--exclude-standard")))
        options = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", "--ignore-submodules")
        differ = names(self._run("diff", *options, self.commit, "--"))
        return {*differ, *names(self._run("ls-files", "-z", "--others", "--exclude-standard"))}

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
        wanted = "".join(f"{self.commit}:./{path}\n" for path in paths)
        answer = io.BytesIO(self._run("cat-file", "--batch", given=wanted.encode()))
        for path in paths:
            words = answer.readline().split()  # id, type, size; or what was asked for, and "missing"
            if "\\x" in path and words[-1:] == [b"missing"]:  # not its real name, which cannot be written (CHK01)
                yield None
                continue
            if len(words) != 3 or not words[2].isdigit():
                raise IncompleteError(f"git does not have {path} of the base, though it lists it", hint="git fsck")
            yield answer.read(int(words[2]))
            answer.read(1)

    def _git(self, *arguments: str) -> str:
        return self._run(*arguments).decode("utf-8", "replace").strip()

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        return git(self._root, *arguments, given=given)


def names(said: bytes) -> Iterator[str]:
    """Yield the paths in what git printed with `-z`, as the checks write them."""
    return (shown(os.fsdecode(name)) for name in said.split(b"\0") if name)
