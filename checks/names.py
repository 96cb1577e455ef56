"""What the names of one file stand for, as far as it can be told without running anything.

Followed are imports and their aliases, assignments, parameters by their annotation or default, attributes of `self`,
`with … as`, loops over literals, `getattr`, `functools.partial`, `import_module` and `sys.modules`. A call's result is
written `name()`: `asyncio.get_running_loop().create_task`. What is defined in the file is named by its module. Not
followed is what only a run tells: keys that are computed, attributes that another file sets, names that `exec` makes.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from checks.bindings import assigned, bindings, stars, text_of
from checks.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.facts import Walk

Function = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
WRAPPERS = frozenset({"functools.partial", "functools.partialmethod", "staticmethod", "classmethod", "functools.wraps"})
LOADERS = frozenset({"importlib.import_module", "__import__", "importlib.__import__", "importlib.reload"})
UNWRAPPED = frozenset({"Optional", "Annotated", "Final", "ClassVar", "Union", "Self"})


class Bound(NamedTuple):
    """One place that gives a name its value: `value` is a dotted name, an expression, a definition or a parameter."""

    line: int
    value: str | ast.AST


class Names:
    """The names of one file. Everything is found out when it is first asked for."""

    def __init__(self, walk: Walk, module: str, *, package: bool) -> None:
        self._walk = walk
        self._module = module
        self._package = module if package else module.rpartition(".")[0]
        self._known: dict[ast.AST, str] = {}
        self._called: dict[ast.Call, str] = {}
        self._bound: dict[ast.AST, dict[str, list[Bound]]] = defaultdict(dict)
        self._attributes: dict[str, dict[str, list[ast.AST]]] = defaultdict(dict)
        self._stars: list[str] = []
        self.texts = Texts(self)
        self._bind_all()

    def of(self, node: ast.AST) -> str:
        """Return the dotted name of an expression, empty where it has none. An unknown local name stays as it is."""
        known = self._known.get(node)
        if known is None:
            self._known[node] = ""  # a name that stands for itself ends here
            known = self._known[node] = self._look(node)
        return known

    def called(self, node: ast.Call) -> str:
        """Return the dotted name of what a call calls."""
        known = self._called.get(node)
        if known is None:
            known = self._called[node] = self._look_called(node)
        return known

    def _look_called(self, node: ast.Call) -> str:
        inner = node.func
        if isinstance(inner, ast.Call) and node.args and inner.args:
            through, name = self.of(inner.func), self._constant(inner.args[0])
            if name and through == "operator.methodcaller":
                return f"{self.of(node.args[0])}.{name}"
        return self.of(inner).removesuffix(".__call__")

    def path_of(self, node: ast.AST) -> str:
        """Return the dotted name of a function, a class or a lambda that this file defines."""
        parts = [f"lambda-{node.lineno}-{node.col_offset}"] if isinstance(node, ast.Lambda) else []
        inner: ast.AST | None = node
        while inner is not None:
            parts += [inner.name] if isinstance(inner, NAMED) else []
            inner = self._walk.above.get(inner)
        return ".".join([self._module, *reversed(parts)])

    @property
    def file(self) -> str:
        """The path of the file, as far as its module tells it."""
        return self._module.replace(".", "/") + ("/__init__.py" if self._package == self._module else ".py")

    def above(self, node: ast.AST) -> ast.AST | None:
        """Return the node around a node."""
        return self._walk.above.get(node)

    def scope_of(self, node: ast.AST) -> ast.AST:
        """Return the nearest function, lambda, class or module around a node."""
        above = self._walk.above.get(node)
        while above is not None and not isinstance(above, SCOPES):
            above = self._walk.above.get(above)
        return above or self._walk.tree

    def bound(self, node: ast.Name) -> list[Bound]:
        """Return what a name may be bound to where it is used, the likeliest first."""
        scope: ast.AST | None = self.scope_of(node)
        first = True
        while scope is not None:
            found = self._bound[scope].get(node.id) if first or not isinstance(scope, ast.ClassDef) else None
            if found:
                before = [each for each in found if each.line <= node.lineno]
                after = [each for each in found if each.line > node.lineno]
                return before[::-1] + after
            first = False
            scope = self.scope_of(scope) if scope is not self._walk.tree else None
        return []

    @cached_property
    def read(self) -> set[str]:
        """The names that are read anywhere in the file."""
        names: Any = self._walk.kinds.get(ast.Name, ())
        return {each.id for each in names if isinstance(each.ctx, ast.Load)}

    @cached_property
    def packages(self) -> set[str]:
        """The top-level packages of which the file imports anything."""
        every = (each.value for names in self._bound.values() for bound in names.values() for each in bound)
        return {each.partition(".")[0] for each in every if isinstance(each, str)}

    def attribute(self, node: ast.Attribute) -> list[ast.AST]:
        """Return what this file gives to an attribute of one of its own classes."""
        owner = self.of(node.value).removesuffix("()")
        return self._attributes[owner].get(node.attr, []) if owner.startswith(self._module) else []

    def values(self, node: ast.AST, depth: int = 4) -> Iterator[ast.AST]:
        """Yield the expressions that a name or attribute may stand for; anything else stands for itself."""
        found: list[ast.AST] = []
        if isinstance(node, ast.Name):
            found = [each.value for each in self.bound(node) if isinstance(each.value, ast.expr)]
        elif isinstance(node, ast.Attribute):
            found = self.attribute(node)
        if not found or not depth:
            yield node
        for each in found if depth else ():
            yield from self.values(each, depth - 1)

    def parameter(self, node: ast.AST) -> tuple[str, int, str] | None:
        """Return `(function, position, name)` for the name of a parameter; positions do not count `self`."""
        if not isinstance(node, ast.Name):
            return None
        for each in self.bound(node):
            if isinstance(each.value, ast.arg):
                owner = self._walk.above[self._walk.above[each.value]]
                if not isinstance(owner, Function):
                    return None
                named = [one.arg for one in (*owner.args.posonlyargs, *owner.args.args)]
                if isinstance(self._walk.above.get(owner), ast.ClassDef):
                    named = named[1:]
                return self.path_of(owner), named.index(node.id) if node.id in named else -1, node.id
        return None

    def _look(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            base = self.of(node.value)
            own = self.attribute(node) if base.startswith(self._module) else ()
            return next(filter(None, map(self.of, own)), f"{base}.{node.attr}" if base else "")
        if isinstance(node, ast.Call):
            return self._result(node)
        if isinstance(node, ast.Subscript):
            return self._item(node)
        if isinstance(node, ast.Lambda):
            return self.path_of(node)
        if isinstance(node, ast.NamedExpr | ast.Await):
            return self.of(node.value)
        if isinstance(node, ast.IfExp):
            return self.of(node.body) or self.of(node.orelse)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self.of, node.values)), "")
        return ""

    def _name(self, node: ast.Name) -> str:
        bound = self.bound(node)
        if not bound and self._stars and node.id not in BUILTINS:
            return f"{self._stars[0]}.{node.id}"
        return next(filter(None, (self._meaning(each.value) for each in bound)), node.id)

    def _meaning(self, value: str | ast.AST) -> str:
        """Return the dotted name of what a name is bound to."""
        if isinstance(value, str):
            return value
        if isinstance(value, NAMED):
            return self.path_of(value)
        return self._parameter(value) if isinstance(value, ast.arg) else self.of(value)

    def _parameter(self, node: ast.arg) -> str:
        """Return what a parameter is an instance of, or what it is by default."""
        arguments = self._walk.above[node]
        owner = self._walk.above[arguments]
        assert isinstance(arguments, ast.arguments)
        around = self._walk.above.get(owner)
        positional = [*arguments.posonlyargs, *arguments.args]
        if isinstance(around, ast.ClassDef) and positional[:1] == [node]:
            static = [ast.unparse(each) for each in getattr(owner, "decorator_list", ())]
            if "staticmethod" not in static:
                return self.path_of(around) + ("" if "classmethod" in static else "()")
        if node.annotation is not None:
            kind = self._type(node.annotation)
            return f"{kind}()" if kind and kind not in BUILTINS else ""
        by_place = dict(zip(positional[::-1], arguments.defaults[::-1], strict=False))
        by_name = dict(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
        default = by_place.get(node) or by_name.get(node)
        return self.of(default) if default is not None else ""

    def _type(self, node: ast.AST) -> str:
        """Return the dotted name of the class in an annotation, without `| None` and the like."""
        if isinstance(node, ast.BinOp):
            return self._type(node.left) or self._type(node.right)
        if isinstance(node, ast.Subscript) and self.of(node.value).rpartition(".")[2] in UNWRAPPED:
            inner = node.slice
            return self._type(inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner)
        if isinstance(node, ast.Subscript):
            return self._type(node.value)
        return self.of(node) if isinstance(node, ast.Name | ast.Attribute) else ""

    def _result(self, node: ast.Call) -> str:
        """Return what a call results in: what it fetches by name, else `name()`."""
        name = self.called(node)
        given = [self._constant(each) for each in node.args[:2]]
        if name == "getattr" and len(given) > 1 and given[1]:
            return f"{self.of(node.args[0])}.{given[1]}"
        if name.endswith(".__getattribute__") and given and given[0]:
            return f"{name.removesuffix('.__getattribute__')}.{given[0]}"
        if name in WRAPPERS and node.args:
            return self.of(node.args[0])
        if name == "super":
            around = self._class_node(node)
            return f"{self.of(around.bases[0])}()" if around is not None and around.bases else ""
        if name == "typing.cast" and len(node.args) > 1:
            return self.of(node.args[1])
        if name in LOADERS and given and given[0] and not given[0].startswith("."):
            return given[0].partition(".")[0] if name.endswith("__import__") else given[0]
        return f"{name}()" if name else ""

    def _constant(self, node: ast.AST) -> str:
        return text_of(node) or next(iter(self.texts.constants(node)), "")

    def _item(self, node: ast.Subscript) -> str:
        """Return what an item of a literal, of `sys.modules` or of a namespace is."""
        key = self._constant(node.slice)
        holder = self.of(node.value)
        if key and holder == "sys.modules":
            return key
        if key and holder.endswith((".__dict__", "vars()")) and isinstance(node.value, ast.Attribute | ast.Call):
            owner = node.value.value if isinstance(node.value, ast.Attribute) else (node.value.args or [node])[0]
            return f"{self.of(owner)}.{key}" if owner is not node else ""
        if key and holder in ("__builtins__", "builtins.__dict__"):
            return key
        if key and holder == "globals()":
            bound = self._bound[self._walk.tree].get(key, [])
            return next(filter(None, (self._meaning(each.value) for each in bound)), key)
        for held in self.values(node.value):
            if isinstance(held, ast.Dict):
                items = {text_of(k): v for k, v in zip(held.keys, held.values, strict=True) if k is not None}
                return self.of(items[key]) if key in items else ""
            if isinstance(held, ast.List | ast.Tuple) and held.elts:
                return next(filter(None, map(self.of, held.elts)), "")
        return ""

    def _bind_all(self) -> None:
        for scope, name, line, value in bindings(self._walk, self._package, self.scope_of):
            self._bound[scope].setdefault(name, []).append(Bound(line, value))
        self._stars = stars(self._walk, self._package)
        for target, value, node in assigned(self._walk):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                owner, name = "", ""
                if isinstance(target, ast.Attribute) and getattr(target.value, "id", "") in ("self", "cls"):
                    owner, name = self._class_around(node), target.attr
                elif isinstance(target, ast.Name) and isinstance(self._walk.above.get(node), ast.ClassDef):
                    owner, name = self._class_around(node), target.id
                if owner:
                    self._attributes[owner].setdefault(name, []).append(value)

    def _class_node(self, node: ast.AST) -> ast.ClassDef | None:
        above = self._walk.above.get(node)
        while above is not None and not isinstance(above, ast.ClassDef):
            above = self._walk.above.get(above)
        return above

    def _class_around(self, node: ast.AST) -> str:
        above = self._class_node(node)
        return self.path_of(above) if above is not None else ""


BUILTINS = frozenset(dir(builtins)) | {"__builtins__", "__file__", "__path__"}
