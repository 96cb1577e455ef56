"""Modules that are loaded by name: `import_module("services.identity.store")`, and all else that does the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from checks.bindings import text_of
from checks.facts import FileView
from checks.resolution import arguments, is_ours, note_given, note_sink
from checks.rule import Collector
from checks.sources import Source
from checks.texts import Text

BY_NAME = frozenset(
    {"importlib.import_module", "__import__", "builtins.__import__", "importlib.__import__", "importlib.find_loader"}
    | {"importlib.util.find_spec", "importlib.util.resolve_name", "pkgutil.resolve_name", "pkgutil.get_loader"}
    | {"pkgutil.find_loader", "runpy.run_module", "pydoc.locate", "imp.load_module", "imp.find_module"}
    | {"sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__", "importlib.metadata.EntryPoint"}
)
BY_PATH = frozenset(
    {"runpy.run_path", "importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader"}
    | {"imp.load_source", "importlib.machinery.SourcelessFileLoader"}
)
BY_CODE = frozenset({"exec", "eval", "compile", "builtins.exec", "builtins.eval", "builtins.compile"})
KEYWORDS = frozenset({"name", "fullname", "mod_name", "location", "path", "path_name", "source", "value", "pathname"})
LOADING = frozenset({"importlib", "pkgutil", "runpy", "pydoc", "imp", "builtins"})
OURS = re.compile(r"\b(?:services|autional_cli|checks|tests)(?:\.\w+)+")
PLACE = re.compile(r"(?:^|/)((?:services|autional_cli|checks|tests)/[\w/]+)\.pyc?$")
NAME = re.compile(r"[\w.]+(:[\w.]+)?")
BEGINNINGS = ("services.", "autional_cli.", "checks.", "tests.", "services/")


class Loads(Collector):
    """Notes modules that are loaded by name, and helpers that load what they are given."""

    code = "loads"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(("services/", "autional_cli/", "checks/"))

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call, ast.Subscript: self.item, ast.Module: self.attributes}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note what one call loads."""
        name = view.names.called(node)
        if name in BY_NAME or name in BY_PATH or name in BY_CODE:
            for place, value in arguments(node, view):
                if place in (0, 1) or place in KEYWORDS:
                    for text in view.texts.of(value):
                        self.text(node, text, view, package(node, view))
        elif is_ours(name) and view.path.startswith("services/"):
            self.ours(node, view)
        if node.args and any(is_loader(each, view) for each in node.args):
            self.handed(node, view)

    @staticmethod
    def ours(node: ast.Call, view: FileView) -> None:
        """Note a module's name that a function of ours is given, which may load it."""
        for place, value in arguments(node, view):
            if not isinstance(value, ast.Constant) or text_of(value).startswith(BEGINNINGS):
                told = next(iter(view.texts.constants(value)), "")
                if told.startswith(BEGINNINGS):
                    note_given(view, node, place, told)

    def handed(self, node: ast.Call, view: FileView) -> None:
        """Note the names that are given together with a function that loads: `map(import_module, […])`."""
        for each in node.args:
            parts = each.elts if isinstance(each, ast.List | ast.Tuple) else [each]
            for told in (told for part in parts for told in view.texts.constants(part)):
                self.text(node, (told,), view, "")

    def item(self, node: ast.Subscript, view: FileView) -> None:
        """Note `sys.modules["services.identity.store"]`."""
        held = node.value
        if "sys" not in view.names.packages or not isinstance(held, ast.Name | ast.Attribute):
            return
        if view.full_name(held) == "sys.modules":
            for text in view.texts.of(node.slice):
                self.text(node, text, view, "")

    def text(self, node: ast.expr, text: Text, view: FileView, within: str) -> None:
        """Note one name, path or code; what it begins with, where the rest is only known when it runs."""
        first = text[0]
        if len(text) == 1 and isinstance(first, str):
            for module in modules_in(first, within):
                self.loaded(node, module, view)
        elif isinstance(first, str) and first.startswith(BEGINNINGS):
            self.loaded(node, first.partition(":")[0].rpartition(".")[0].strip("."), view, known=False)
        elif isinstance(first, ast.Name | ast.Attribute):
            full = view.full_name(first)
            if len(text) == 1 and is_ours(full):
                view.note({"constant": full, "line": node.lineno, "lazy": view.function is not None})
            elif len(text) == 1:
                note_sink(view, first, "loads")

    @staticmethod
    def loaded(node: ast.AST, module: str, view: FileView, *, known: bool = True) -> None:
        """Note a module."""
        line = getattr(node, "lineno", 0)
        view.note({"module": module, "line": line, "lazy": view.function is not None, "known": known})

    def attributes(self, node: ast.Module, view: FileView) -> None:
        """Note `services.identity.store.find` where `services` is bound by `import services.…`."""
        plain = [alias for each in view.every(ast.Import) for alias in each.names if alias.name.startswith("services")]
        seen: set[str] = set()
        for each in view.every(ast.Attribute) if plain else ():
            full = view.full_name(each)
            if full.startswith("services.") and full.count(".") == 2 and full not in seen:
                seen.add(full)
                view.note({"module": full, "line": each.lineno, "lazy": True, "known": True})


def package(node: ast.Call, view: FileView) -> str:
    """Return the package that a relative name is of: the second argument, or where the file itself is."""
    own = view.module if view.path.endswith("__init__.py") else view.module.rpartition(".")[0]
    given = dict(arguments(node, view))
    value = given.get("package", given.get(1))
    if value is None or (isinstance(value, ast.Name) and value.id in ("__package__", "__name__")):
        return own
    return next(iter(view.texts.constants(value)), own)


def modules_in(text: str, within: str) -> list[str]:
    """Return the modules that a name, a path or a piece of code speaks of."""
    found = PLACE.search(text)
    if found:
        return [found[1].replace("/", ".").removesuffix(".__init__")]
    if text.startswith("."):
        dots = len(text) - len(text.lstrip("."))
        kept = within.split(".")[: len(within.split(".")) - dots + 1]
        return [".".join([*kept, text.lstrip(".")]).strip(".")]
    if NAME.fullmatch(text):
        return [text.partition(":")[0]]
    return [each.group(0) for each in OURS.finditer(text)] + [
        f"{each}.{name.strip()}"
        for each, names in re.findall(r"from\s+([\w.]+)\s+import\s+([\w, ]+)", text)
        for name in names.split(",")
    ]


def is_loader(node: ast.AST, view: FileView) -> bool:
    """Whether an argument is a function that loads: `map(import_module, […])`."""
    if isinstance(node, ast.Name) and node.id == "__import__":
        return True
    known = isinstance(node, ast.Name | ast.Attribute) and not LOADING.isdisjoint(view.names.packages)
    return known and view.full_name(node) in BY_NAME
