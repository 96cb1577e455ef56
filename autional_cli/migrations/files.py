"""The revision files of a service, judged without running them: what Alembic would stumble over, with file and line."""

from __future__ import annotations

import ast
import tokenize
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.plan import revisions_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NEEDED = ("upgrade", "downgrade")
UNKNOWN = object()  # a value that only running the file would tell


@dataclass(frozen=True, slots=True)
class RevisionFile:
    """What one file says: the values of its names at the top, and where they stand. UNKNOWN is no literal."""

    path: Path
    values: Mapping[str, object]
    lines: Mapping[str, int]
    functions: frozenset[str]

    def names(self, what: str) -> tuple[str, ...]:
        """Return the revisions or labels that `what` names."""
        value = self.values.get(what)
        found = value if isinstance(value, tuple | list | set) else (value,)
        return tuple(one for one in found if isinstance(one, str))

    def is_literal(self, what: str) -> bool:
        """Whether the file says `what` without computing it."""
        return self.values.get(what) is not UNKNOWN


def inspect(root: Path, service: str) -> list[str]:
    """Return the heads as far as the files say them; several are for the caller to judge.

    Raises AutionalError (exit 3) that names file and line of the first thing that is wrong in the revisions.
    """
    files = [_read(root, path) for path in sorted(revisions_dir(root, service).glob("*.py")) if _is_revision(path)]
    by_id: dict[str, RevisionFile] = {}
    labels: dict[str, RevisionFile] = {}
    for file in files:
        for name in _NEEDED:
            if name not in file.functions:
                raise _wrong(root, file, "revision", f"there is no function {name}()", f"def {name}() -> None: …")
        if "revision" not in file.values:
            raise _wrong(root, file, "revision", "it names no revision", f'revision = "{service}_NNNN"')
        for one in file.names("revision"):
            if one in by_id:
                other = f"{by_id[one].path.name} is revision {one!r} as well"
                raise _wrong(root, file, "revision", other, "give one of them another id, and let it follow the other")
            by_id[one] = file
        for one in file.names("branch_labels"):
            if one in labels:
                other = f"{labels[one].path.name} has the label {one!r} as well"
                raise _wrong(root, file, "branch_labels", other, "branch_labels = None; one line needs no label")
            labels[one] = file
    if all(file.is_literal("revision") for file in files):
        _follow(root, service, files, by_id, labels)
    followed = {one for file in files for one in file.names("down_revision")}
    return sorted(by_id.keys() - followed)


def several_heads(service: str, heads: Iterable[str]) -> AutionalError:
    """Return the error for revisions of which nobody knows which is the last."""
    return AutionalError(
        f"migrations/{service} has several heads: {', '.join(heads)}",
        hint=f"autional migrate merge -s {service}; or let one follow the other (down_revision)",
        exit_code=ExitCode.CONFIGURATION,
    )


def _follow(
    root: Path, service: str, files: list[RevisionFile], by_id: Mapping[str, RevisionFile], labels: Iterable[str]
) -> None:
    """Refuse references to nothing, and a circle."""
    known = {*by_id, *labels}
    for file in files:
        for what in ("down_revision", "depends_on"):
            for one in file.names(what):
                if one not in known:
                    there = ", ".join(sorted(by_id))
                    why = f"{what} {one!r} is no revision of {service}"
                    raise _wrong(root, file, what, why, f"name the one before it, of {there}; or restore its file")
    for file in files:
        ahead, seen = list(file.names("down_revision")), set[str]()
        while ahead:
            one = ahead.pop()
            if one in file.names("revision"):
                raise _wrong(root, file, "down_revision", f"{one} follows itself", "the first has down_revision = None")
            if one in by_id and one not in seen:
                seen.add(one)
                ahead += by_id[one].names("down_revision")


def _is_revision(path: Path) -> bool:
    return path.name != "__init__.py" and not path.name.startswith(".#")


def _read(root: Path, path: Path) -> RevisionFile:
    try:
        with tokenize.open(path) as file:
            tree = ast.parse(file.read(), filename=str(path))
    except (SyntaxError, ValueError, OSError) as failure:
        line = getattr(failure, "lineno", None) or 1
        why = getattr(failure, "msg", None) or str(failure)
        raise _error(root, path, line, f"{type(failure).__name__}: {why}", "mend the file") from failure
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    functions: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            functions.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            functions |= {alias.asname or alias.name for alias in node.names}  # somebody else's, and as good
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    functions.add(target.id)
                    lines[target.id], values[target.id] = node.lineno, _value(node.value)
    return RevisionFile(path, values, lines, frozenset(functions))


def _value(node: ast.expr | None) -> object:
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, SyntaxError, TypeError):
        return UNKNOWN


def broken(root: Path, service: str, failure: Exception) -> AutionalError:
    """Return the error for a file that does not load, with the line of it that was reached."""
    folder = revisions_dir(root, service)
    at = [frame for frame in traceback.extract_tb(failure.__traceback__) if frame.filename.startswith(f"{folder}/")]
    what = f"{type(failure).__name__}: {failure}"
    if not at:
        return AutionalError(
            f"migrations/{service}: {what}",
            hint="each revision names the one before it in down_revision",
            exit_code=ExitCode.CONFIGURATION,
        )
    return _error(root, folder / at[-1].filename.removeprefix(f"{folder}/"), at[-1].lineno or 1, what, "mend the file")


def _wrong(root: Path, file: RevisionFile, what: str, why: str, hint: str) -> AutionalError:
    return _error(root, file.path, file.lines.get(what, 1), why, hint)


def _error(root: Path, path: Path, line: int, why: str, hint: str) -> AutionalError:
    return AutionalError(f"{path.relative_to(root)}:{line}: {why}", hint=hint, exit_code=ExitCode.CONFIGURATION)
