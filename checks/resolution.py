"""Names across files: what a dotted name of our tree is called where it is defined, and which helpers were given what.

One file is examined by itself, so a rule notes there what it cannot tell alone: a *sink*, a function whose parameter
goes where the rule looks, and what was *given* to a function of our tree. `met` brings both together.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from checks.bindings import text_of
from checks.facts.definitions import OURS, Defined, Definitions
from checks.facts.imports import Import, Imports

if TYPE_CHECKING:
    from checks.facts import FileView
    from checks.project import Project

FURTHEST = 8  # re-exports in a row


class Resolver:
    """Follows re-exports: modules that import a name, or assign it, and are asked for it by others."""

    def __init__(self, project: Project) -> None:
        self._aliases: dict[str, dict[str, str]] = defaultdict(dict)
        self._stars: dict[str, list[str]] = defaultdict(list)
        self._own: dict[str, list[str]] = {}
        self._constants: dict[str, str] = {}
        self._bases: dict[str, list[str]] = {}
        self._methods: dict[str, list[str]] = {}
        self._modules = {module_of(path) for path in project.files if path.endswith(".py")}
        for path, each in project.facts(Imports, Import):
            module = module_of(path)
            if each.name == "*":
                self._stars[module].append(each.module)
            elif not each.lazy and each.name:
                self._aliases[module].setdefault(each.alias, f"{each.module}.{each.name}")
            elif not each.lazy and each.alias != each.module:
                self._aliases[module].setdefault(each.alias, each.module)
        for _, found in project.facts(Definitions, Defined):
            self._aliases[found.module] |= found.aliases
            self._own[found.module] = found.own
            self._bases |= found.bases
            self._methods |= found.methods
            self._constants |= {f"{found.module}.{name}": text for name, text in found.constants.items()}

    def name(self, dotted: str) -> str:
        """Return what a dotted name is called where it comes from. Results of calls stay marked by `()`."""
        for _ in range(FURTHEST):
            module = self._module(dotted)
            if not module or module == dotted:
                return dotted
            head, *rest = dotted[len(module) + 1 :].split(".")
            plain = head.removesuffix("()")
            known = self._aliases[module].get(plain)
            if known is None and plain not in self._own.get(module, [plain]) and self._stars[module]:
                known = f"{self._stars[module][0]}.{plain}"
            if known is None or known == dotted:
                return dotted
            dotted = ".".join([known + head[len(plain) :], *rest])
        return dotted

    def function(self, dotted: str) -> str:
        """Return the name of a function or method as the file that defines it has it."""
        return self.name(dotted).replace("()", "")

    def functions(self, dotted: str) -> Iterator[str]:
        """Yield the names that a function may be defined under: its own, then those of the classes above its own."""
        todo, seen = [self.function(dotted)], set()
        while todo:
            name = todo.pop(0)
            if name not in seen:
                seen.add(name)
                yield name
                owner, _, method = name.rpartition(".")
                if method not in self._methods.get(owner, ()):
                    todo += [f"{self.function(base)}.{method}" for base in self._bases.get(owner, ())]

    def constant(self, dotted: str) -> str:
        """Return the text of a constant, empty if it is none."""
        return self._constants.get(self.name(dotted), "")

    def _module(self, dotted: str) -> str:
        """Return the longest beginning that is a module of ours."""
        while dotted and dotted not in self._modules:
            dotted = dotted.rpartition(".")[0]
        return dotted


def loaded(project: Project) -> Iterator[tuple[str, Import]]:
    """Yield the imports by name, those in a helper as imports of who calls it."""
    for path, note in project.notes("loads"):
        module = note.get("module") or (project.names.constant(note["constant"]) if "constant" in note else "")
        if module:
            yield path, Import(note["line"], module, "", module, False, note["lazy"], note.get("known", True))
    for path, note, _ in met(project, "loads"):
        yield path, Import(note["line"], note["what"].replace("/", "."), "", note["what"], False, True)


def module_of(path: str) -> str:
    """Return the dotted name under which a file is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_ours(name: str) -> bool:
    """Whether a dotted name is of our own tree."""
    return name.startswith(OURS)


def note_sink(view: FileView, node: ast.AST, kind: str) -> None:
    """Note that a parameter goes where the rule looks, if the node is one."""
    found = view.names.parameter(node)
    if found:
        function, place, name = found
        view.note({"sink": function, "place": place, "name": name, "kind": kind})


def arguments(node: ast.Call, view: FileView) -> Iterator[tuple[int | str, ast.expr]]:
    """Yield place or keyword, and value, of what a call is given; `*[…]` and `**{…}` as if they were written out."""
    place = 0
    for value in node.args:
        spread = list(view.names.values(value.value)) if isinstance(value, ast.Starred) else []
        for each in [value] if not spread else spread[0].elts if isinstance(spread[0], ast.List | ast.Tuple) else []:
            yield place, each
            place += 1
    for word in node.keywords:
        if word.arg:
            yield word.arg, word.value
            continue
        for held in view.names.values(word.value):
            pairs = zip(held.keys, held.values, strict=True) if isinstance(held, ast.Dict) else ()
            yield from ((text_of(key), each) for key, each in pairs if text_of(key))


def note_given(view: FileView, node: ast.Call, place: int | str, what: str) -> None:
    """Note that something was given to a function of our tree."""
    view.note({"given": view.names.called(node), "place": place, "what": what, **position(view, node)})


def position(view: FileView, node: ast.AST) -> dict[str, Any]:
    """Return where a note's finding is."""
    return {"line": getattr(node, "lineno", 0), "symbol": view.symbol}


def met(project: Project, code: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield path, what was given, and the kind of the sink, where a helper's parameter is one."""
    sinks: dict[tuple[str, int | str], str] = {}
    given = []
    for path, note in project.notes(code):
        if "sink" in note:
            sinks[note["sink"], note["name"]] = note["kind"]
            if note["place"] >= 0:
                sinks[note["sink"], note["place"]] = note["kind"]
        elif "given" in note:
            given.append((path, note))
    for path, note in given if sinks else ():
        kinds = [sinks.get((name, note["place"])) for name in project.names.functions(note["given"])]
        kind = next((each for each in kinds if each is not None), None)
        if kind is not None:
            yield path, note, kind
