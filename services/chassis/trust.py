"""The trust file of this process: whose signature counts, and who may invoke which operation here.

A JWKS (RFC 7517) whose key ids are service names, with the member `invokes`: caller → operations as in `SPEC.invokes`.
It is read anew when it changes, so that a service that joins or leaves the platform needs nobody's restart.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from joserfc.jwk import KeySet

from services.chassis.logging import get_logger

log = get_logger(__name__)

_LOOK_EVERY_S = 1.0  # for a change that takes trust away; one that gives it is looked for when it is missed
_PARAMETER = re.compile(r"\\\{[^{}/]*\\\}")


@dataclass(frozen=True, slots=True)
class _Operations:
    """What one caller may invoke here: names of gRPC methods, and (method, pattern of the path) for HTTP."""

    rpc: frozenset[str] = frozenset()
    http: tuple[tuple[str, re.Pattern[str]], ...] = ()


@dataclass(slots=True)
class Trust:
    """Keys of all services and the operations of `service` that each may invoke.

    Raises `OSError` or `ValueError` when made without a readable file; later such a file leaves the last good one in
    force.
    """

    service: str
    path: Path
    keys: KeySet = field(default_factory=lambda: KeySet([]))
    _operations: Mapping[str, _Operations] = field(default_factory=dict)
    _version: tuple[int, ...] = ()
    _look_at: float = 0.0

    def __post_init__(self) -> None:
        self._version = self._stamp()
        self._read()

    def refresh(self, *, now: bool = False) -> bool:
        """Read the file if it has changed; at most once a second unless `now`. Returns whether it was read."""
        if not now and time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        try:
            found = self._stamp()
            if found == self._version:
                return False
            self._read()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("trust file not readable; the last good one stays in force", error=repr(error))
            return False
        self._version = found
        return True

    def allows_rpc(self, caller: str, method: str) -> bool:
        """Return whether `caller` may invoke the gRPC method of this name (without package and service)."""
        return self._asked(lambda: method in self._of(caller).rpc)

    def allows_http(self, caller: str, method: str, path: str) -> bool:
        """Return whether `caller` may invoke `method` on the decoded `path`."""

        def look() -> bool:
            return any(verb == method and shape.fullmatch(path) for verb, shape in self._of(caller).http)

        return self._asked(look)

    def _asked(self, look: Any) -> bool:
        return bool(look() or (self.refresh(now=True) and look()))

    def _of(self, caller: str) -> _Operations:
        return self._operations.get(caller, _Operations())

    def _stamp(self) -> tuple[int, ...]:
        found = self.path.stat()
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> None:
        document = orjson.loads(self.path.read_bytes())
        invokes = document.get("invokes", {})
        self.keys = KeySet.import_key_set({"keys": document["keys"]})
        self._operations = {caller: _operations(self.service, listed) for caller, listed in invokes.items()}


def _operations(service: str, listed: Iterable[str]) -> _Operations:
    """Return what is listed for `service`: `session/Create`, or `identity POST /v1/internal/users/{user_id}`."""
    rpc: set[str] = set()
    http: list[tuple[str, re.Pattern[str]]] = []
    for operation in listed:
        callee, _, rest = operation.partition(" ")
        if rest and callee == service:
            verb, _, path = rest.partition(" ")
            http.append((verb, re.compile(_PARAMETER.sub("[^/]+", re.escape(path)))))
        elif not rest and callee.partition("/")[0] == service:
            rpc.add(callee.partition("/")[2])
    return _Operations(frozenset(rpc), tuple(http))
