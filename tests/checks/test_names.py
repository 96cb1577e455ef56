"""What the names of one file stand for, and which texts its expressions make."""

from __future__ import annotations

import ast

import pytest

from checks.facts import Walk
from checks.names import Names
from checks.walk import explore

HEAD = """
import asyncio, functools, importlib, operator, sys
import sqlalchemy as sa
from functools import partial
from importlib import import_module as im
from sqlalchemy import text as t
from .. import b
from .sql import build
A = "users"
tt = t
part = partial(sa.text, bind=1)
class Box:
    table = "box"
    def __init__(self, redis: "Redis", loop: asyncio.AbstractEventLoop | None = None):
        self.t = tt
        self.loop = loop
    def text(self, x): ...
    def go(self, n, q=t):
        loop = asyncio.get_running_loop()
        grown = "select "
        grown += n
        try:
            from fast import text as quick
        except ImportError:
            quick = None
        """


def last_call(code: str) -> tuple[Names, ast.Call]:
    tree = ast.parse(HEAD + code)
    walk = Walk(tree)
    explore(walk, set())
    names = walk.names_as("services.a.store", package=False)
    go = tree.body[-1].body[-1]  # type: ignore[attr-defined]
    return names, go.body[-1].value


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("t(1)", "sqlalchemy.text"),
        ("tt(1)", "sqlalchemy.text"),
        ("sa.text(1)", "sqlalchemy.text"),
        ("part(1)", "sqlalchemy.text"),
        ("q(1)", "sqlalchemy.text"),
        ("self.t(1)", "sqlalchemy.text"),
        ("getattr(sa, 'te' + 'xt')(1)", "sqlalchemy.text"),
        ("{'a': t}['a'](1)", "sqlalchemy.text"),
        ("(w := t)(1)", "sqlalchemy.text"),
        ("im('sqlalchemy').text(1)", "sqlalchemy.text"),
        ("sys.modules['sqlalchemy'].text(1)", "sqlalchemy.text"),
        ("vars(sa)['text'](1)", "sqlalchemy.text"),
        ("globals()['tt'](1)", "sqlalchemy.text"),
        ("operator.methodcaller('text', 1)(sa)", "sqlalchemy.text"),
        ("quick(1)", "fast.text"),
        ("b.find(1)", "services.b.find"),
        ("build(1)", "services.a.sql.build"),
        ("self.text(1)", "services.a.store.Box().text"),
        ("Box(1).text(1)", "services.a.store.Box().text"),
        ("loop.create_task(1)", "asyncio.get_running_loop().create_task"),
        ("self.loop.create_task(1)", "asyncio.AbstractEventLoop().create_task"),
        ("n.text(1)", "n.text"),
        ("unknown(1)", "unknown"),
        ("len(1)", "len"),
    ],
)
def test_a_call_is_known_by_what_it_calls(code: str, name: str) -> None:
    names, call = last_call(code)
    assert names.called(call) == name


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("'a' + A", "ausers"),
        ("f'x {A} {1}'", "x users 1"),
        ("'%s-%s' % (A, 'b')", "users-b"),
        ("'{}.{}'.format(A, 'b')", "users.b"),
        ("'.'.join(['a', A])", "a.users"),
        ("A.upper()", "USERS"),
        ("self.table", "box"),
        ("b'raw'", "raw"),
    ],
)
def test_a_text_whose_parts_are_known_is_known(argument: str, text: str) -> None:
    names, call = last_call(f"t({argument})")
    assert names.texts.constants(call.args[0]) == [text]


@pytest.mark.parametrize(
    "argument",
    [
        "f'select {n}'",
        "'select ' + n",
        "'select %s' % n",
        "'select {}'.format(n)",
        "' '.join(['select', n])",
        "'select x'.replace('x', n)",
        "grown",
        "n if self else f'select {n}'",
    ],
)
def test_what_is_put_into_a_text_is_told(argument: str) -> None:
    names, call = last_call(f"t({argument})")
    found = [part for text in names.texts.of(call.args[0]) for part in text if isinstance(part, ast.Name)]
    assert {part.id for part in found} == {"n"}


def test_what_stands_for_itself_ends() -> None:
    names, call = last_call("x = y\n        y = x\n        z = z + 'a'\n        x(z)")
    assert names.called(call) in ("x", "y")
    assert names.texts.of(call.args[0])
