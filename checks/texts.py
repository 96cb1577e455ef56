"""The texts that an expression makes: literal parts, and the expressions whose values are put between them.

A text is a tuple of both. An expression may make several: each branch, each assignment of a name. Followed are names,
`+`, `%`, f-strings, `format`, `join`, `replace`, templates and the methods that keep what they are given.
"""

from __future__ import annotations

import ast
from itertools import islice, product
from posixpath import dirname, normpath
from typing import TYPE_CHECKING, Any

from checks.bindings import More, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from checks.names import Names

Text = tuple[str | ast.AST, ...]
MOST = 6  # alternatives of one expression; more say nothing new
DEEPEST = 8
KEEPING = frozenset(
    {"strip", "lstrip", "rstrip", "encode", "decode", "casefold", "title", "capitalize", "expandtabs", "swapcase"}
    | {"lower", "upper", "removeprefix", "removesuffix", "translate", "ljust", "rjust", "center", "splitlines", "split"}
    | {"resolve", "absolute", "as_posix"}
)
FILLING = frozenset({"format", "format_map", "replace", "substitute", "safe_substitute", "join", "__add__", "__mod__"})
PASSING = frozenset({"str", "bytes", "textwrap.dedent", "inspect.cleandoc", "sys.intern", "textwrap.indent", "tuple"})
ADDING = frozenset({"operator.add", "operator.concat", "operator.mod", "operator.iadd", "operator.iconcat"})

PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PurePosixPath", "os.path.join", "posixpath.join"})
SLASH = ast.Constant("/")


class Texts:
    """The texts of one file's expressions."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[ast.AST, list[Text]] = {}

    def of(self, node: ast.AST, depth: int = 0) -> list[Text]:
        """Return what texts an expression may make; one that makes none is a value by itself."""
        known = self._known.get(node)
        if known is None:
            self._known[node] = [("",)]  # a text that is made of itself adds nothing to itself
            found = list(islice(self._look(node, depth), MOST)) if depth < DEEPEST else []
            known = self._known[node] = [merged(each) for each in found] or [(node,)]
        return known

    def constants(self, node: ast.AST) -> list[str]:
        """Return those texts of which every part is known."""
        return [parts[0] for parts in self.of(node) if len(parts) == 1 and isinstance(parts[0], str)]

    def _look(self, node: ast.AST, depth: int) -> Iterable[Text]:
        if isinstance(node, ast.Constant):
            return [(text_of(node) if isinstance(node.value, str | bytes) else str(node.value),)]
        if isinstance(node, ast.JoinedStr):
            return self._chain(
                [each.value if isinstance(each, ast.FormattedValue) else each for each in node.values], depth
            )
        if isinstance(node, ast.BinOp):
            return self._operation(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.IfExp):
            return [*self.of(node.body, depth + 1), *self.of(node.orelse, depth + 1)]
        if isinstance(node, ast.NamedExpr):
            return self.of(node.value, depth + 1)
        if isinstance(node, ast.BoolOp):
            return [text for each in node.values for text in self.of(each, depth + 1)]
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return self._named(node, depth)
        return [(node,)]

    def _operation(self, node: ast.BinOp, depth: int) -> Iterable[Text]:
        if isinstance(node.op, ast.Add):
            return self._chain([node.left, node.right], depth)
        if isinstance(node.op, ast.Mod):
            return self._filled(node.left, elements(node.right), depth)
        return self._path([node.left, node.right], depth) if isinstance(node.op, ast.Div) else [(node,)]

    def _named(self, node: ast.Name | ast.Attribute | ast.Subscript, depth: int) -> Iterable[Text]:
        if isinstance(node, ast.Subscript):
            return [text for each in self._items(node) for text in self.of(each, depth + 1)] or [(node,)]
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            return [above(text) for text in self.of(node.value, depth + 1)]
        if isinstance(node, ast.Name) and node.id == "__file__":
            return [(self._names.file,)]
        if isinstance(node, ast.Attribute):
            values = self._names.attribute(node)
        else:
            values = [each.value for each in self._names.bound(node) if isinstance(each.value, ast.AST)]
            if any(isinstance(each, ast.arg) for each in values):
                return [(node,)]
        grown = [each.value for each in values if isinstance(each, ast.AugAssign)]
        first = [each for each in values if isinstance(each, ast.expr)]
        texts = [text for each in first for text in self.of(each, depth + 1)]
        if not texts or not grown:
            return [self._if_text(node, text) for text in texts] or [(node,)]
        return [text + more for text in texts for more in self._chain(grown[::-1], depth)]

    @staticmethod
    def _if_text(node: ast.AST, text: Text) -> Text:
        """Return a text; what is a value only is called by the name that it was used by."""
        return text if any(isinstance(part, str) for part in text) or isinstance(text[0], ast.Call) else (node,)

    def _items(self, node: ast.Subscript) -> Iterable[ast.AST]:
        """Return what may be at a place of a literal."""
        for held in self._names.values(node.value):
            if isinstance(held, ast.Dict):
                key = text_of(node.slice)
                pairs = [(text_of(k), v) for k, v in zip(held.keys, held.values, strict=True) if k is not None]
                return [value for name, value in pairs if not key or name == key]
            if isinstance(held, ast.List | ast.Tuple):
                return held.elts
        return []

    def _call(self, node: ast.Call, depth: int) -> Iterable[Text]:
        name = self._names.called(node)
        if node.args and name in PASSING:
            return self.of(node.args[0], depth + 1)
        if node.args and name in PATHS:
            return self._path(node.args, depth)
        if node.args and name == "os.path.dirname":
            return [above(text) for text in self.of(node.args[0], depth + 1)]
        if name in ADDING and len(node.args) > 1:
            return self._filled(node.args[0], node.args[1:], depth)
        if name == "re.sub" and len(node.args) > 2:
            return self._filled(node.args[2], [node.args[1]], depth)
        return self._method(node, name, depth) if isinstance(node.func, ast.Attribute) else [(node,)]

    def _method(self, node: ast.Call, name: str, depth: int) -> Iterable[Text]:
        assert isinstance(node.func, ast.Attribute)
        given: list[ast.AST] = [*node.args, *(word.value for word in node.keywords)]
        verb = node.func.attr
        on: ast.AST = node.func.value
        if name.startswith("str.") and given:
            on, given = given[0], given[1:]
        if verb == "joinpath":
            return self._path([on, *given], depth)
        if isinstance(on, ast.Call) and self._names.called(on) == "string.Template" and on.args:
            on = on.args[0]
        if verb == "join":
            return self._joined(on, given, depth)
        if verb not in KEEPING | FILLING or not self._makes_text(on, depth):
            return [(node,)]
        if verb in KEEPING:
            return [folded(text, verb) for text in self.of(on, depth + 1)]
        return self._filled(on, given, depth)

    def _makes_text(self, node: ast.AST, depth: int) -> bool:
        return any(isinstance(part, str) for text in self.of(node, depth + 1) for part in text)

    def _joined(self, between: ast.AST, given: Sequence[ast.AST], depth: int) -> Iterable[Text]:
        if not given or not self._makes_text(between, depth):
            return [(given[0],)] if given else []
        named = self._names.bound(given[0]) if isinstance(given[0], ast.Name) else []
        more = [each.value.value for each in named[::-1] if isinstance(each.value, More)]
        for held in self._names.values(given[0]):
            if isinstance(held, ast.List | ast.Tuple):
                parts = [part for each in [*held.elts, *more] for part in (between, each)][1:]
                return self._chain(parts, depth) if parts else [("",)]
            if isinstance(held, ast.ListComp | ast.GeneratorExp | ast.SetComp):
                return self._chain([held.elt, between, held.elt, *more], depth)
        return self._chain([given[0], between], depth)

    def _path(self, parts: Sequence[ast.AST], depth: int) -> Iterable[Text]:
        """Return a path that is put together from parts, where it is one."""
        for text in self._chain([each for part in parts for each in (SLASH, part)][1:], depth):
            whole = merged(text)
            yield (normpath(whole[0]),) if len(whole) == 1 and isinstance(whole[0], str) else whole

    def _filled(self, pattern: ast.AST, given: Sequence[ast.AST], depth: int) -> Iterable[Text]:
        """Return what is made of a pattern: its own text, and after it what is put in, wherever that goes."""
        for text in self.of(pattern, depth + 1):
            whole = text[0] if len(text) == 1 and isinstance(text[0], str) else None
            constants = [self.constants(each) for each in given]
            if whole is not None and constants and all(constants):
                yield (filled_in(whole, [each[0] for each in constants]),)
            else:
                more = [part for each in given for part in self.of(each, depth + 1)[0] if not isinstance(part, str)]
                yield (*text, *more)

    def _chain(self, parts: Sequence[ast.AST], depth: int) -> Iterable[Text]:
        every = [self.of(part, depth + 1) for part in parts]
        for combination in islice(product(*every), MOST):
            yield tuple(piece for text in combination for piece in text)


def filled_in(pattern: str, values: Sequence[str]) -> str:
    """Return a pattern of `%` or `format` with known values put in; as it is, if they do not fit."""
    try:
        return pattern % tuple(values) if "%" in pattern else pattern.format(*values) if "{" in pattern else pattern
    except (TypeError, ValueError, IndexError, KeyError):
        return pattern + " ".join(values)


def above(text: Text) -> Text:
    """Return the folder of a path, where all of it is known."""
    return (dirname(text[0]),) if len(text) == 1 and isinstance(text[0], str) else text


def folded(text: Text, verb: str) -> Text:
    """Return a text in the case that a method makes."""
    made: Any = {"lower": str.lower, "upper": str.upper, "casefold": str.casefold}.get(verb)
    return tuple(made(part) if made and isinstance(part, str) else part for part in text)


def merged(text: Text) -> Text:
    """Return a text with neighbouring literal parts made one."""
    made: list[str | ast.AST] = []
    for part in text:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return tuple(made)


def elements(node: ast.AST) -> list[ast.AST]:
    """Return the values at the right of `%`."""
    if isinstance(node, ast.Tuple):
        return list(node.elts)
    return list(node.values) if isinstance(node, ast.Dict) else [node]
