"""What was found in each file, kept between runs: by what the file system says of it, by content when that changed.

A record depends on the bytes of one file, its path and the engine alone: never on the rules, lanes or paths of the run
that made it. The file is the owner's alone, and believed only with the digest of what it holds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from checks.facts import FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checks.sources import Entry

HERE = Path(__file__).parent
PLACE = ".autional/checks/files.json"
# A file may be written twice within one tick of the file system's clock: what is younger is known by its bytes.
TICK_NS = 100_000_000
HALVES = re.compile("[\ud800-\udfff]")
LARGEST = 2**63 - 1


class Cache:
    """Records by path. `forget` reads nothing and writes nothing, as `--no-cache` wants."""

    def __init__(self, root: Path, *, forget: bool = False) -> None:
        self._root = root
        self._path = root / PLACE
        self._forget = forget
        self._engine = fingerprint()
        self._began = time.time_ns()
        self._files: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self._verified: set[str] = set()
        self._changed = False
        if not forget:
            self._load()

    def _load(self) -> None:
        """Read what an earlier run of this engine wrote; what is damaged in any way is as if it was not there."""
        try:
            seal, _, data = self._path.read_bytes().partition(b"\n")
        except OSError:
            return
        if seal.decode("ascii", "replace") != digest(data):
            return
        kept = orjson.loads(data)
        if kept["engine"] == self._engine:
            self._files, self.extra = kept["files"], kept["extra"]

    def get(self, entry: Entry) -> FileRecord | None:
        """Return the record of a file that has not changed."""
        return FileRecord(**self._files[entry.path]["record"]) if self.knows(entry) else None

    def knows(self, entry: Entry) -> bool:
        """Whether a file is as it was when it was examined."""
        kept = self._files.get(entry.path)
        if kept is None or entry.problem or kept["size"] != entry.size:
            return False
        if entry.path in self._verified:
            return True
        if kept["mtime"] != entry.mtime_ns or kept["ctime"] != entry.ctime_ns or not settled(kept):
            try:
                same = digest((self._root / entry.path).read_bytes()) == kept["hash"]
            except OSError:
                return False
            if not same:
                return False
            kept |= {"mtime": entry.mtime_ns, "ctime": entry.ctime_ns, "seen": self._began}
            self._changed = True
        self._verified.add(entry.path)
        return True

    def put(self, entry: Entry, record: dict[str, Any], content: str) -> None:
        """Keep the record of a file whose bytes have this digest."""
        self._files[entry.path] = {
            "mtime": entry.mtime_ns,
            "ctime": entry.ctime_ns,
            "size": entry.size,
            "seen": self._began,
            "hash": content,
            "record": record,
        }
        self._verified.add(entry.path)
        self._changed = True

    def drop(self, path: str) -> None:
        """Forget a file: it could not be read this time, or a rule failed on it."""
        self._changed |= self._files.pop(path, None) is not None
        self._verified.discard(path)

    def hash_of(self, path: str) -> str:
        """Return the digest of the bytes of a file that was examined, empty for any other."""
        kept = self._files.get(path)
        return str(kept["hash"]) if kept else ""

    def content(self, paths: Iterable[str]) -> str:
        """Return one digest over paths and bytes of some files; those that could not be read count as such."""
        return digest("\n".join(f"{path} {self.hash_of(path)}" for path in sorted(paths)).encode("utf-8", "replace"))

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
        files = {path: kept for path, kept in self._files.items() if path in entries}
        data = encoded({"engine": self._engine, "files": files, "extra": self.extra})
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(digest(data).encode() + b"\n" + data)
                os.replace(name, self._path)  # noqa: PTH105 - readers see the old or the new, never half
            finally:
                Path(name).unlink(missing_ok=True)


def settled(kept: Mapping[str, Any]) -> bool:
    """Whether a file had been left alone for a tick when it was read, so that its times tell of changes."""
    return bool(max(kept["mtime"], kept["ctime"]) + TICK_NS < kept["seen"])


def digest(data: bytes) -> str:
    """Return a short digest of some bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def fingerprint() -> str:
    """Return what changes when the engine, its interpreter, or a package that it uses does."""
    parts = [sys.version]
    for path in sorted(HERE.rglob("*.py")):
        found = path.stat()
        parts.append(f"{path.relative_to(HERE)} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_size}")
    return digest("\n".join([*parts, *installed()]).encode())


def installed() -> list[str]:
    """Return what changes when a package is installed or removed."""
    places = sorted({path for path in sys.path if path.endswith("-packages")})
    return [f"{path} {os.stat(path).st_mtime_ns}" for path in places if os.path.isdir(path)]  # noqa: PTH116, PTH112


def as_json(record: FileRecord) -> dict[str, Any]:
    """Return a record as plain JSON: what rules noted may be dataclasses."""
    plain: dict[str, Any] = orjson.loads(encoded(record))
    return plain


def encoded(value: Any) -> bytes:
    """Return JSON in bytes. What JSON cannot hold, as a literal of somebody's code may, becomes what is nearest."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(plain_of(dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value))  # type: ignore[arg-type]


def plain_of(value: Any) -> Any:
    """Return a value without halves of UTF-16 pairs (U+FFFD), numbers beyond 64 bits (the largest), and other types."""
    if isinstance(value, str):
        return HALVES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {plain_of(str(key)): plain_of(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_of(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-LARGEST, min(LARGEST, value))
    return value if value is None or isinstance(value, bool | float) else repr(value)
