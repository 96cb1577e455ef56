"""What was found in each file, kept between runs: by time and size, by content when only those changed.

A record holds as long as the file's bytes and the engine's own sources are the same. The file is the owner's alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from checks.facts import FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checks.sources import Entry

HERE = Path(__file__).parent
PLACE = ".autional/checks/files.json"


class Cache:
    """Records by path. `forget` keeps nothing and writes nothing, as `--no-cache` wants.

    `partial` is a run with some of the rules: it reads records, which hold what all rules found, and saves none of its
    own, which hold less.
    """

    def __init__(self, root: Path, *, forget: bool = False, partial: bool = False) -> None:
        self._root = root
        self._partial = partial
        self._unsaved: set[str] = set()
        self._path = root / PLACE
        self._forget = forget
        self._engine = fingerprint()
        self._files: dict[str, Any] = {} if forget else self._load()
        self.extra: dict[str, Any] = self._files.pop("", {})
        self._changed = False

    def _load(self) -> dict[str, Any]:
        try:
            kept = orjson.loads(self._path.read_bytes())
            if kept["engine"] == self._engine:
                files: dict[str, Any] = kept["files"]
                return files
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or not as we write it: examine everything
        return {}

    def get(self, entry: Entry) -> FileRecord | None:
        """Return the record of a file that has not changed."""
        return FileRecord(**self._files[entry.path]["record"]) if self.knows(entry) else None

    def knows(self, entry: Entry) -> bool:
        """Whether a file is as it was when it was examined."""
        kept = self._files.get(entry.path)
        if kept is None or entry.problem or kept["size"] != entry.size:
            return False
        if kept["mtime"] != entry.mtime_ns:
            try:
                same = digest((self._root / entry.path).read_bytes()) == kept["hash"]
            except OSError:
                return False
            if not same:
                return False
            kept["mtime"], self._changed = entry.mtime_ns, True
        return True

    def put(self, entry: Entry, record: dict[str, Any], content: str) -> None:
        """Keep the record of a file whose bytes have this digest."""
        self._files[entry.path] = {"mtime": entry.mtime_ns, "size": entry.size, "hash": content, "record": record}
        self._changed = True
        if self._partial:
            self._unsaved.add(entry.path)

    def hash_of(self, path: str) -> str:
        """Return the digest of the bytes of a file that was examined, empty for any other."""
        kept = self._files.get(path)
        return str(kept["hash"]) if kept else ""

    def content(self, paths: Iterable[str]) -> str:
        """Return one digest over the bytes of some files, as far as they are known."""
        parts = [f"{path} {self._files[path]['hash']}" for path in sorted(paths) if path in self._files]
        return digest("\n".join(parts).encode())

    def remember(self, name: str, key: str, value: Any) -> None:
        """Keep something that is made from many files: it holds as long as `key` is the same."""
        self.extra[name] = {"key": key, "value": value}
        self._changed = True

    def has(self, name: str) -> bool:
        """Whether something is remembered under a name, whatever its key."""
        return name in self.extra

    def recall(self, name: str, key: str) -> Any:
        """Return what `remember` kept under the same key, else None."""
        kept = self.extra.get(name)
        return kept["value"] if kept and kept["key"] == key else None

    def save(self, entries: Mapping[str, Entry]) -> None:
        """Write what is known of files that still exist. A disk that is full costs time, not the run."""
        if self._forget or not self._changed:
            return
        saved = entries.keys() - self._unsaved
        files = {path: kept for path, kept in self._files.items() if path in saved} | {"": self.extra}
        data = orjson.dumps({"engine": self._engine, "files": files})
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(name, self._path)  # noqa: PTH105 - readers see the old or the new, never half


def digest(data: bytes) -> str:
    """Return a short digest of some bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def fingerprint() -> str:
    """Return what changes when the engine or its interpreter does."""
    parts = [sys.version]
    for path in sorted(HERE.rglob("*.py")):
        found = path.stat()
        parts.append(f"{path.relative_to(HERE)} {found.st_mtime_ns} {found.st_size}")
    return digest("\n".join(parts).encode())


def as_json(record: FileRecord) -> dict[str, Any]:
    """Return a record as plain JSON: what rules noted may be dataclasses."""
    plain: dict[str, Any] = orjson.loads(orjson.dumps(record))
    return plain
