"""Edits of files that people wrote: a line is added where it belongs, and everything else stays as it is."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import yaml

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.scaffold.change import Change, read
from autional_cli.scaffold.reserved import CODES_EACH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autional_cli.scaffold.design import Design

DASH = "\N{EN DASH}"  # in the table: between numbers, and where there is nothing
ROW = re.compile(r"\| (\w+) \| (\d{5}) \|.*")
AUDIT = "services/audit/service.py"
MAP = "AGENTS.md"


def edits(root: Path, design: Design) -> Iterator[Change]:
    """Yield the edits that a new service needs."""
    stack = f"stacks/{design.stack}.yaml"
    before = read(root / stack, root)
    yield Change(stack, with_service(before, design.name, stack), before)
    if (root / MAP).exists():
        before = read(root / MAP, root)
        yield Change(MAP, without_reservation(with_row(before, design), design.name), before)
    if design.publishes and (root / AUDIT).exists():
        before = read(root / AUDIT, root)
        yield Change(AUDIT, with_consumed(before, design.publishes), before)


def with_service(text: str, name: str, label: str) -> str:
    """Return a stack file with one more service at the end of its `services`."""
    document = yaml.compose(text, yaml.SafeLoader)
    lines = text.splitlines(keepends=True)
    for key, value in document.value if isinstance(document, yaml.MappingNode) else ():
        if key.value != "services":
            continue
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            indent = value.value[0][0].start_mark.column
            after = last_line(value.value[-1])
            return "".join((*closed(lines[: after + 1]), f"{' ' * indent}{name}: {{}}\n", *lines[after + 1 :]))
        if not value.value:  # `services:` or `services: {}`
            start = key.start_mark.line
            return "".join((*lines[:start], "services:\n", f"  {name}: {{}}\n", *lines[value.end_mark.line + 1 :]))
        raise refuse(label, value.start_mark.line + 1, "services is not written as a block, one service a line")
    return "".join((*closed(lines), "services:\n", f"  {name}: {{}}\n"))


def last_line(entry: tuple[yaml.Node, yaml.Node]) -> int:
    """Return the line, from 0, on which an entry of a mapping ends; the end mark of a block lies beyond it."""
    key, value = entry
    if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
        return last_line(value.value[-1])
    if isinstance(value, yaml.SequenceNode) and not value.flow_style and value.value:
        return last_line((value.value[-1], value.value[-1]))
    end = value.end_mark.line
    if isinstance(value, yaml.ScalarNode) and value.style in ("|", ">"):
        end -= 1
    return max(int(key.start_mark.line), int(end))


def closed(lines: list[str]) -> list[str]:
    """Return lines whose last one ends with a line break."""
    if lines and not lines[-1].endswith("\n"):
        return [*lines[:-1], lines[-1] + "\n"]
    return lines


def with_row(text: str, design: Design) -> str:
    """Return the map with the service in its table, which is ordered by port."""
    codes = f"{design.first_code}{DASH}{design.first_code + CODES_EACH - 1}"
    events = [", ".join(kinds) or DASH for kinds in (design.publishes, design.consumes)]
    row = " | ".join(("", design.name, str(design.port), codes, design.database, *events, "")).strip() + "\n"
    lines = text.splitlines(keepends=True)
    rows = [(number, found) for number, line in enumerate(lines) if (found := ROW.match(line))]
    if not rows:
        raise refuse(MAP, 1, "the table of services is missing: | service | port | …")
    before = [number for number, found in rows if int(found.group(2)) < design.port]
    place = before[-1] + 1 if before else rows[0][0]
    return "".join((*lines[:place], row, *lines[place:]))


def without_reservation(text: str, name: str) -> str:
    """Return the map without the port that was set aside for the service which now has it."""
    place = rf"{name} \d{{5}}/\d{{4}}"
    return re.sub(rf"[, ]*\b{place}(?=\.)| {place},(?=\n)|\b{place}, ", "", text, count=1)


def with_consumed(text: str, kinds: tuple[str, ...]) -> str:
    """Return service.py of audit with more events in `consumes`."""
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "consumes"
            and isinstance(node.value, ast.Tuple)
            and node.value.elts
        ):
            return after_last(text, node.value, kinds)
    raise refuse(AUDIT, 1, "SPEC has no `consumes` to add the new events to")


def after_last(text: str, found: ast.Tuple, kinds: tuple[str, ...]) -> str:
    """Return code with more texts at the end of a tuple: on lines of their own where the last one has its own."""
    lines = text.encode().splitlines(keepends=True)  # the syntax tree counts bytes
    last = found.elts[-1]
    row = (last.end_lineno or last.lineno) - 1
    before, after = lines[row][: last.end_col_offset], lines[row][last.end_col_offset or 0 :]
    if not lines[row][: last.col_offset].strip() and after.startswith(b","):
        lines[row + 1 : row + 1] = [f'{" " * last.col_offset}"{kind}",\n'.encode() for kind in kinds]
    else:
        lines[row] = before + "".join(f', "{kind}"' for kind in kinds).encode() + after
    return b"".join(lines).decode()


def refuse(label: str, line: int, message: str) -> AutionalError:
    """Return the error for a file that a person must see to."""
    return AutionalError(
        f"{label}:{line}: {message}", hint=f"write {label} the usual way first", exit_code=ExitCode.CONFIGURATION
    )
