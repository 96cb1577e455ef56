"""What there is to migrate: pure functions over the `migrations/` folder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def revisions_dir(root: Path, service: str) -> Path:
    """Return the folder with the revisions of `service`."""
    return root / "migrations" / service


def fingerprint(root: Path, services: Iterable[str]) -> str:
    """Return a hash of everything that decides the schema of `services`: their revisions and what these import."""
    digest = hashlib.sha256()
    shared = [root / "migrations" / "env.py", root / "services" / "chassis" / "schema.py"]
    files = [path for path in shared if path.exists()]
    for service in sorted(services):
        digest.update(service.encode() + b"\0")
        files += sorted(revisions_dir(root, service).glob("*.py"))
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
