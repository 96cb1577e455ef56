"""Examine one file: read, decode, suppressions, one parse, one walk, every collector and rule at once."""

from __future__ import annotations

import ast
import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

from checks import suppressions
from checks.facts import FileRecord, FileView, Walk
from checks.rule import EVERY
from checks.walk import explore, visit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from checks.rule import Collector
    from checks.sources import Entry, Source

TOO_DEEP = "cannot be examined: expressions are nested too deep"


def examine(root: Path, entry: Entry, collectors: Sequence[Collector]) -> tuple[FileRecord, Source]:
    """Return what there is to know of one file. A collector that raises stops itself only: `_failed` in its notes."""
    from checks.sources import Source, read

    record = FileRecord(entry.path)
    source = Source(entry.path, b"", entry.problem) if entry.problem else read(root, entry.path)
    if source.problem:
        record.problem = source.problem
        return record, source
    if source.is_binary:
        collectors = [one for one in collectors if one.code == "SEC01"]  # keys may be such
    active = [
        one for one in collectors if (source.suffix in one.suffixes or one.suffixes == EVERY) and one.wants(source)
    ]
    tree = parse(source, record) if source.suffix == ".py" else ast.Module([], [])
    walk = Walk(tree or ast.Module([], []))
    views = [(one, FileView(one.code, source, record, walk)) for one in active]
    for one, view in views:
        guard(one, record, one.examine, source, view)
    if tree is not None and source.suffix == ".py":
        walk_over(walk, views, record)
    record.suppressions = [dataclasses.asdict(found) for found in suppressions.parse(source)]
    return record, source


def parse(source: Source, record: FileRecord) -> ast.Module | None:
    """Return the tree; None, and the problem in the record, for what is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's string is not ours to print
            return ast.parse(source.data)
    except SyntaxError as failure:
        record.problem = f"line {failure.lineno or 1}: {failure.msg}"
    except (RecursionError, MemoryError):  # nesting without end
        record.problem = TOO_DEEP
    except ValueError as failure:  # NUL bytes
        record.problem = f"cannot be parsed: {failure}"
    return None


def walk_over(walk: Walk, views: Iterable[tuple[Collector, FileView]], record: FileRecord) -> None:
    """Walk once with all handlers; if one of them raises, walk again for each alone, to know whose fault it was."""
    parts = [(one, view, one.handlers()) for one, view in views]
    explore(walk, {kind for _, _, handlers in parts for kind in handlers})
    try:
        visit(walk, dispatch_of((view, handlers) for _, view, handlers in parts))
    except Exception:  # noqa: BLE001 - a rule's own mistake: found out below, and reported with its name
        for code in {one.code for one, _, _ in parts}:
            record.notes.pop(code, None)
            record.subjects.pop(code, None)
        record.findings = []
        for one, view, handlers in parts:
            guard(one, record, one.examine, view.source, view)
            guard(one, record, visit, walk, dispatch_of([(view, handlers)]))


def dispatch_of(parts: Iterable[tuple[FileView, Any]]) -> dict[type[ast.AST], list[Any]]:
    """Return the handlers by type of node."""
    dispatch: dict[type[ast.AST], list[Any]] = {}
    for view, handlers in parts:
        for kind, handler in handlers.items():
            dispatch.setdefault(kind, []).append((handler, view))
    return dispatch


def guard(one: Collector, record: FileRecord, action: Any, *arguments: Any) -> None:
    """Run a rule's part; one that raises is noted, and the rest goes on."""
    try:
        action(*arguments)
    except RecursionError:  # the parser was content, and what walks over the tree is not
        record.problem = record.problem or TOO_DEEP
    except Exception as failure:  # noqa: BLE001 - whatever a rule raises is reported as the rule's failure
        record.notes.setdefault("_failed", []).append([one.code, f"{type(failure).__name__}: {failure}"])
