"""The models of a service, loaded from the workspace."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy import MetaData


def metadata_of(root: Path, service: str) -> MetaData:
    """Return the metadata of `services/<service>/models.py` (`Base.metadata`).

    Raises AutionalError (exit 3) if the module is missing, cannot be imported or declares no `Base`.
    """
    base: Any = getattr(load(root, service), "Base", None)
    if base is None:
        raise _unusable(root, service, "declares no Base")
    metadata: MetaData = base.metadata
    return metadata


def collections_of(root: Path, service: str) -> tuple[Any, ...]:
    """Return the collections that `services/<service>/models.py` declares (`COLLECTIONS`); AutionalError as above."""
    collections = getattr(load(root, service), "COLLECTIONS", None)
    if collections is None:
        raise _unusable(root, service, "declares no COLLECTIONS")
    return tuple(collections)


def load(root: Path, service: str) -> ModuleType:
    """Import a service's models from the workspace `root`, whose services need not be those on `sys.path`."""
    path = root / "services" / service / "models.py"
    if not path.is_file():
        raise _unusable(root, service, "does not exist")
    import services

    folder = root / "services"
    try:
        if Path(services.__path__[0]).samefile(folder):
            return importlib.import_module(f"services.{service}.models")
        if str(folder) not in list(services.__path__):
            services.__path__.append(str(folder))  # what the models import of their own package
        return _load_beside(path, f"services.{service}.models of {root}")
    except Exception as failure:
        raise _unusable(root, service, f"cannot be imported: {type(failure).__name__}: {failure}") from failure


def _load_beside(path: Path, name: str) -> ModuleType:
    """Load the models of another workspace, as they are now, under a name of their own."""
    location = importlib.util.spec_from_file_location(name, path)
    assert location is not None
    assert location.loader is not None
    module = importlib.util.module_from_spec(location)
    sys.modules[name] = module  # SQLAlchemy resolves annotations in the module of the class
    location.loader.exec_module(module)
    return module


def _unusable(root: Path, service: str, why: str) -> AutionalError:
    path = (root / "services" / service / "models.py").relative_to(root)
    return AutionalError(f"{path}: {why}", hint=f"autional check {path}", exit_code=ExitCode.CONFIGURATION)
