"""The import graph of a workspace, by grimp, whatever Python's own path says."""

from __future__ import annotations

import functools
import threading
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


@functools.lru_cache(maxsize=2)
def build(root: Path, names: tuple[str, ...] = ("services", "autional_cli", "checks")) -> Any:
    """Return the graph of those packages that are there. IncompleteError when grimp cannot make it."""
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
            return grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
        except Exception as failure:
            raise IncompleteError(f"grimp cannot build the import graph: {failure}") from failure
        finally:
            settings.configure(PACKAGE_FINDER=before)
