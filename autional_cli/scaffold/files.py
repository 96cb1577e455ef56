"""From a design to the files of a service: which templates, with which values, become which paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.scaffold.change import Change
from autional_cli.scaffold.edits import AUDIT, edits
from autional_cli.scaffold.formatting import formatted
from autional_cli.scaffold.stamp import stamped
from autional_cli.scaffold.template import render
from autional_cli.scaffold.values import values_of
from autional_cli.scaffold.words import plural

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.scaffold.design import Design

STORED = {
    "__init__": "stored",
    "domain": "stored",
    "dto": "stored",
    "errors": "stored",
    "journey": "stored",
    "routes": "stored",
}
DOCUMENTS = dict.fromkeys(("service", "models", "store", "items"), "mongo")
TABLES = dict.fromkeys(("service", "models", "store", "items"), "postgres")
VIEW = dict.fromkeys(("__init__", "service", "dto", "errors", "journey", "routes"), "none")


def changes(root: Path, design: Design) -> list[Change]:
    """Return everything that writing the service changes in the workspace; nothing is written."""
    values = values_of(design)
    rendered = {path: render(template, values) for path, template in templates(design).items()}
    edited = list(edits(root, design))
    to_format = rendered | {change.path: change.after for change in edited if change.path == AUDIT}
    clean = formatted(root, to_format)
    created = [Change(path, clean[path]) for path in rendered]
    return stamped(root, created + [Change(c.path, clean.get(c.path, c.after), c.before) for c in edited])


def templates(design: Design) -> dict[str, str]:
    """Return the template of each file by the file's path."""
    folder = f"services/{design.name}"
    found = {f"{folder}/{file_name(name, design)}.py": f"{where}/{name}.py" for name, where in modules(design).items()}
    if design.database == "postgres":
        migration = f"migrations/{design.name}/0001_{plural(design.resource)}.py"
        found[migration] = "postgres/migration.py"
    kind = "none" if design.database == "none" else "stored"
    if kind == "stored" or design.consumes:
        found[f"tests/services/test_{design.name}.py"] = f"tests/rules_{kind}.py"
    found[f"tests/platform/test_{design.name}.py"] = f"tests/platform_{kind}.py"
    return found


def modules(design: Design) -> dict[str, str]:
    """Return the folder of templates of each module of the service."""
    found = {"postgres": STORED | TABLES, "mongo": STORED | DOCUMENTS, "none": dict(VIEW)}[design.database]
    if design.consumes or design.publishes:
        found |= {"events": design.database}
    if design.database == "none" and design.consumes:
        found |= {"activity": "none"}
    if design.calls:
        found |= {"peers": "shared"}
    return found


def file_name(module: str, design: Design) -> str:
    """Return what a module is called: the one that does the work bears the name of what it works on."""
    return plural(design.resource) if module == "items" else module
