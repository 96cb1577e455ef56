"""The one walk: every node, in the order of the source, with what is around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.facts import Walk
from checks.rules.sec01 import SHAPES, WORDS, lines_of
from checks.walk import EMPTY, explore

CODE = Path(__file__).parents[2] / "checks"
ODD = """
match x:
    case {"a": [1, *rest], **more} if rest: pass
    case Point(x=0) | None: pass
lambda a, /, b=1, *c, d=2, **e: (yield)
async def f(a: int = 1) -> str:
    global g
    async with a as b, c: await d
    return [i async for i in j if k] or {**l, m: n}
try: pass
except* (A, B) as e: del e[1:2:3].f
x: int = f"{y!r:>{z}}" if (w := -v) < u <= t else not s
@o.p
class Q(R, metaclass=T): from . import k as kk
"""


def around(node: ast.AST, above: tuple[ast.AST, ...] = ()) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Yield each node with those around it, by the standard library."""
    yield node, above
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, EMPTY):
            yield from around(child, (*above, node))


@pytest.mark.parametrize(
    "text", [ODD, *(path.read_text(encoding="utf-8") for path in sorted(CODE.glob("*.py")))], ids=lambda text: text[:40]
)
def test_every_node_is_met_in_order_with_what_is_around_it(text: str) -> None:
    tree = ast.parse(text)
    expected = list(around(tree))
    walk = Walk(tree)
    explore(walk, {type(node) for node, _ in expected})
    assert walk.hits == [node for node, _ in expected]
    for node, above in expected:
        walk.node = node
        assert walk.parents == list(above)
    assert {kind: len(nodes) for kind, nodes in walk.kinds.items()} == {
        kind: sum(type(node) is kind for node, _ in expected) for kind in {type(node) for node, _ in expected}
    }


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "Z7QX4LWN3VTK9R2M",
        "\n\na = '" + "Aa0" * 9 + "'\nb = 1\n",
        "token\n= 1\nx = y\n  " + "Q9" * 12 + "\n",
        "passwords:\n  - " + "k3" * 12,
        "",
        "\n",
    ],
)
def test_secrets_are_sought_in_every_line_that_is_worth_it(text: str) -> None:
    lines = text.split("\n")
    worth = {n for n, line in enumerate(lines, 1) if SHAPES.search(line) or WORDS.search(line.lower())}
    assert worth <= lines_of(text)
    assert lines_of(text) <= set(range(1, len(lines) + 1))
