"""Git as the checks ask it: of the workspace's own repository, in words that do not depend on the person's settings."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from checks.model import IncompleteError

GIT_S = 20.0
# What a hook or a wrapper sets for another repository or index (git rev-parse --local-env-vars).
LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)  # fmt: skip


class GitError(IncompleteError):
    """Git said no: `code` is its exit code, the message its own first line."""

    def __init__(self, message: str, code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


@cache
def environment(root: Path) -> dict[str, str]:
    """Return the environment for git: that of a hook counts only where no repository is found without it."""
    kept = dict(os.environ)
    if any((folder / ".git").exists() for folder in (root, *root.parents)):
        for name in LOCAL:
            kept.pop(name, None)
    return kept | {"LC_ALL": "C", "LANGUAGE": "", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Return what git prints. GitError when it fails; IncompleteError without git, or when it does not answer."""
    argv = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            argv, input=given, env=environment(root), capture_output=True, timeout=GIT_S, check=False
        )
    except OSError as failure:
        message = f"git cannot be run ({failure.strerror}); what is compared with the base branch needs it"
        raise IncompleteError(message, hint="install git, and have it on PATH") from None
    except subprocess.TimeoutExpired:
        raise IncompleteError(f"git {arguments[0]} did not answer within {GIT_S:.0f} s") from None
    if done.returncode:
        raise refused(root, arguments[0], done.returncode, done.stderr.decode("utf-8", "replace"))
    return done.stdout


def refused(root: Path, command: str, code: int, said: str) -> GitError:
    """Return the error for what git refused, with what to do about it."""
    first = next((line for line in said.splitlines() if line.startswith(("fatal:", "error:"))), said.strip())
    if "dubious ownership" in said:
        hint = f"git config --global --add safe.directory {root}"
        return GitError(f"git does not trust {root}: it belongs to another user", code, hint)
    if "not a git repository" in said:
        return GitError(f"{root} is not in a git repository", code, "check a clone, not an export of the files")
    return GitError(f"git {command} failed ({code}): {first or 'no message'}", code)
