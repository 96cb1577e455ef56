"""Commands of Redis that code sends, by whatever way: methods, `execute_command`, `getattr`, scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from checks.resolution import arguments, is_ours

if TYPE_CHECKING:
    from checks.facts import FileView

SENDERS = frozenset({"execute_command", "immediate_execute_command", "pipeline_execute_command", "send_command"})
SCRIPTS = frozenset(
    {"eval", "eval_ro", "evalsha", "register_script", "script_load", "function_load", "AsyncScript", "Script"}
)
IN_SCRIPT = re.compile(r"(?:^|['\"])(\w+)(?:['\"]|$)")
CONNECTION = re.compile(r"(^|[._])(bus|redis|cache|pipeline|pipe|connection|client|stream|broker|valkey|pubsub)\w*$")


def sent(node: ast.AST, view: FileView, methods: frozenset[str]) -> Iterator[str]:
    """Yield the commands that a node sends, in small letters: of the methods that are asked for, or by their names."""
    if isinstance(node, ast.Attribute):
        name = view.full_name(node)
        own = is_ours(name) and name.rpartition(".")[0].endswith("()")
        if node.attr in methods and not own and isinstance(node.ctx, ast.Load):
            yield node.attr
    elif isinstance(node, ast.Call):
        yield from called(node, view, methods)


def called(node: ast.Call, view: FileView, methods: frozenset[str]) -> Iterator[str]:
    """Yield the commands of one call."""
    name = view.names.called(node)
    last = name.rpartition(".")[2] or getattr(node.func, "attr", "")
    if name in ("getattr", "operator.attrgetter", "operator.methodcaller") or name.endswith(".__getattribute__"):
        told = [text for each in node.args[:2] for text in view.texts.constants(each)]
        yield from (text for text in told if text in methods)
    elif isinstance(node.func, ast.Subscript) and last in methods:
        yield last
    elif last in SENDERS:
        given = list(arguments(node, view))
        for place, value in given:
            if place == 0 or place in ("args", "command"):
                first = [text.split()[0].lower() for text in view.texts.constants(value) if text.split()]
                yield from first
                yield from in_scripts(given[1:], view) if any(each.startswith("eval") for each in first) else ()
    elif last in SCRIPTS:
        yield from in_scripts(arguments(node, view), view)


def in_scripts(given: Iterable[tuple[int | str, ast.expr]], view: FileView) -> Iterator[str]:
    """Yield the words that scripts quote, and those that they are given: a script may call a command by any name."""
    for _, value in given:
        for text in view.texts.of(value):
            whole = "".join(part for part in text if isinstance(part, str))
            yield from (each.lower() for each in IN_SCRIPT.findall(whole))


def is_connection(node: ast.Attribute, view: FileView) -> bool:
    """Whether a method is one of a connection, by what it is called or by what it is."""
    written = ast.unparse(node.value)
    full = view.full_name(node.value)
    return any(CONNECTION.search(each.removesuffix("()")) for each in (written, full)) or full.startswith("redis.")
