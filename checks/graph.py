"""The import graph of a workspace, by grimp, whatever Python's own path says."""

from __future__ import annotations

import threading
from collections.abc import Set
from pathlib import Path
from typing import Any

from checks.model import IncompleteError

LOCK = threading.Lock()


class WorkspaceFinder:
    """Finds packages below one folder; grimp's own finder would find those that this process has imported."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def determine_package_directories(self, package_name: str, file_system: Any) -> set[str]:
        """Return where a package lies. ValueError when it is not there."""
        place = self._root.joinpath(*package_name.split("."))
        if not place.is_dir():
            raise ValueError(f"no package {package_name} in {self._root}")
        return {str(place)}


class Graph:
    """Modules and what each imports directly, types and imports inside functions included."""

    def __init__(self, imported: dict[str, list[str]]) -> None:
        self._imported = imported

    @property
    def modules(self) -> Set[str]:
        """The modules of the packages, and those from outside that they import."""
        return self._imported.keys()

    def imported_by(self, importer: str) -> list[str]:
        """Return what a module imports, in order."""
        return self._imported.get(importer, [])

    def below(self, package: str) -> set[str]:
        """Return a package and its modules; none for a package without an importable file."""
        prefix = f"{package}."
        return {name for name in self._imported if name == package or name.startswith(prefix)}


def build(root: Path, names: tuple[str, ...] = ("services", "autional_cli", "checks")) -> dict[str, list[str]]:
    """Return what each module of those packages that are there imports. IncompleteError when grimp cannot tell."""
    try:
        import grimp
        from grimp.application.config import settings
    except ImportError as failure:
        raise IncompleteError(f"grimp is not installed: {failure}", hint="pip install 'autional[checks]'") from None
    packages = [name for name in names if (root / name / "__init__.py").is_file()]
    if not packages:
        raise IncompleteError(f"none of {', '.join(names)} is a package in {root}")
    with LOCK:
        before = settings.PACKAGE_FINDER
        settings.configure(PACKAGE_FINDER=WorkspaceFinder(root))
        try:
            graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
            return {name: sorted(graph.find_modules_directly_imported_by(name)) for name in sorted(graph.modules)}
        except Exception as failure:
            raise IncompleteError(f"grimp cannot build the import graph: {failure}") from failure
        finally:
            settings.configure(PACKAGE_FINDER=before)
