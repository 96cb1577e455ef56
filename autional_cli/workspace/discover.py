"""Find the services of a workspace: every `services/<name>/service.py` with a module attribute SPEC.

Only that file runs, and it may use the standard library alone, so discovery takes milliseconds.
"""

from __future__ import annotations

import ast
import importlib.util
import traceback
from typing import TYPE_CHECKING, NoReturn

from autional_cli.block import FIRST_PORT, LAST_PORT
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.workspace import graph
from autional_cli.workspace.source import suggest
from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import ModuleType


def discover(root: Path) -> dict[str, ServiceSpec]:
    """Return the specs of all services by name, ordered by port.

    Raises AutionalError (exit 3) with file and line for a service that cannot be read, or that clashes with another.
    """
    files = sorted((root / "services").glob("*/service.py"))
    specs = {path.parent.name: read_spec(root, path) for path in files}
    Rules(root, specs).check()
    return dict(sorted(specs.items(), key=lambda item: item[1].port))


def read_spec(root: Path, path: Path) -> ServiceSpec:
    """Run one service.py and return its SPEC."""
    name = path.parent.name
    spec = getattr(run(root, path), "SPEC", None)
    if spec is None:
        fail(root, path, 1, "no SPEC; declare SPEC = ServiceSpec(…)")
    if not isinstance(spec, ServiceSpec):
        fail(root, path, line_of(path, "SPEC"), f"SPEC is a {type(spec).__name__}, not a ServiceSpec")
    if spec.name != name:
        fail(root, path, line_of(path, "name"), f"SPEC.name is {spec.name!r}, but the folder is {name!r}")
    return spec


def run(root: Path, path: Path) -> ModuleType:
    """Execute service.py as a module of its own, so that neither its package nor sys.path matters."""
    location = importlib.util.spec_from_file_location(f"services.{path.parent.name}.service", path)
    assert location is not None
    assert location.loader is not None
    module = importlib.util.module_from_spec(location)
    try:
        location.loader.exec_module(module)
    except SyntaxError as failure:
        fail(root, path, failure.lineno or 1, f"{type(failure).__name__}: {failure.msg}", failure)
    except Exception as failure:  # noqa: BLE001 - a service's own mistake, whatever it is, is reported with its place
        lines = [frame.lineno for frame in traceback.extract_tb(failure.__traceback__) if frame.filename == str(path)]
        line = next((number for number in reversed(lines) if number), 1)
        fail(root, path, line, f"{type(failure).__name__}: {failure}", failure)
    return module


class Rules:
    """What must hold among all services."""

    def __init__(self, root: Path, specs: Mapping[str, ServiceSpec]) -> None:
        self.root = root
        self.specs = specs

    def check(self) -> None:
        """Raise for the first rule that is broken."""
        ports: dict[int, str] = {}
        ranges: list[tuple[range, str]] = []
        for name, spec in self.specs.items():
            self.check_port(spec, ports.setdefault(spec.port, name))
            self.check_range(spec, ranges)
            ranges.append((spec.error_codes, name))
            self.check_calls(spec)
        cycle = graph.find_cycle({name: spec.calls for name, spec in self.specs.items()})
        if cycle:
            self.fail(cycle[0], "calls", f"services call each other in a circle: {' → '.join(cycle)}")

    def check_port(self, spec: ServiceSpec, owner: str) -> None:
        if not FIRST_PORT <= spec.port <= LAST_PORT:
            self.fail(spec.name, "port", f"port {spec.port} is not within {FIRST_PORT} to {LAST_PORT}")
        if owner != spec.name:
            self.fail(spec.name, "port", f"port {spec.port} belongs to {owner} already")

    def check_range(self, spec: ServiceSpec, taken: list[tuple[range, str]]) -> None:
        codes = spec.error_codes
        if codes.step != 1 or not codes:
            self.fail(spec.name, "error_codes", f"error_codes is {codes}; give a range(first, after_last)")
        for other, owner in taken:
            if codes.start < other.stop and other.start < codes.stop:
                self.fail(spec.name, "error_codes", f"error_codes {codes} overlaps {other} of {owner}")

    def check_calls(self, spec: ServiceSpec) -> None:
        for other in spec.calls:
            if other not in self.specs:
                known = set(self.specs) - {spec.name}
                self.fail(spec.name, "calls", f"calls unknown service {other!r}{suggest(other, known)}")

    def fail(self, name: str, keyword: str, message: str) -> NoReturn:
        path = self.root / "services" / name / "service.py"
        fail(self.root, path, line_of(path, keyword), message)


def line_of(path: Path, name: str) -> int:
    """Return the line where `name` is given as a keyword or assigned, else 1."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.keyword) and node.arg == name:
            return node.value.lineno
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return int(getattr(node, "lineno", 1))
    return 1


def fail(root: Path, path: Path, line: int, message: str, cause: BaseException | None = None) -> NoReturn:
    """Raise the error for a line of a file, shown relative to the workspace."""
    place = f"{path.relative_to(root)}:{line}"
    raise AutionalError(f"{place}: {message}", exit_code=ExitCode.CONFIGURATION) from cause
