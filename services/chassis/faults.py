"""Faults that a drill asks this process to have: late answers, failing answers, a cut link to another service.

Inert unless the supervisor of a development instance gives `AUTIONAL_FAULT_SOCKET`, a datagram socket that its owner
alone can write to. A rule names its own end, so it is gone in time even if everybody who asked for it was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
from opentelemetry import trace

from services.chassis.errors import INTERNAL, ServiceError
from services.chassis.logging import get_logger

log = get_logger(__name__)
LARGEST = 4096  # bytes of a datagram
LONGEST_S = 300.0  # no rule lives longer, whatever it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What goes wrong for `for_s` seconds: `error_rate` is a share of the answers, `cut` are services out of reach."""

    for_s: float
    latency_s: float = 0.0
    error_rate: float = 0.0
    cut: frozenset[str] = frozenset()

    def encode(self) -> bytes:
        """Return the datagram."""
        fields = {"for_s": self.for_s, "latency_s": self.latency_s, "error_rate": self.error_rate}
        return orjson.dumps({**fields, "cut": sorted(self.cut)})

    @classmethod
    def decode(cls, raw: bytes) -> Rule:
        """Return the rule in a datagram. Raises `ValueError` if it is none, or out of bounds."""
        try:
            given = orjson.loads(raw)
            rule = cls(
                for_s=float(given["for_s"]),
                latency_s=float(given.get("latency_s", 0)),
                error_rate=float(given.get("error_rate", 0)),
                cut=frozenset(map(str, given.get("cut", ()))),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a rule: {error!r}") from error
        if not (0 <= rule.for_s <= LONGEST_S and 0 <= rule.latency_s <= LONGEST_S and 0 <= rule.error_rate <= 1):
            raise ValueError(f"out of bounds: {rule}")
        return rule


class Faults:
    """The one rule that holds now, if any. Whoever may suffer asks `active` first: one comparison if there is none."""

    def __init__(self) -> None:
        self._rule: Rule | None = None
        self._until = 0.0
        self._changed = asyncio.Event()

    @property
    def active(self) -> bool:
        """Whether a rule holds; one whose time is over is forgotten here."""
        if self._rule is None:
            return False
        if time.monotonic() >= self._until:
            self.set(None)
            return False
        return True

    def set(self, rule: Rule | None) -> None:
        """Replace the rule; none, or one for no time, ends what there was, and wakes whoever waits for that."""
        self._rule = rule if rule is not None and rule.for_s > 0 else None
        self._until = time.monotonic() + (rule.for_s if rule is not None else 0.0)
        self._changed.set()
        self._changed = asyncio.Event()
        log.warning("fault", rule=repr(self._rule))

    async def suffer(self) -> None:
        """Delay a request that is served here; raises `ServiceError(INTERNAL)` for the share that is to fail."""
        rule = self._rule
        if rule is None or not self.active:
            return
        if rule.latency_s:
            trace.get_current_span().set_attribute("autional.fault", "latency")
            await asyncio.sleep(rule.latency_s)
        if rule.error_rate and random.random() < rule.error_rate:  # noqa: S311 - not for secrets
            trace.get_current_span().set_attribute("autional.fault", "error")
            raise ServiceError(INTERNAL, details={"fault": "error"})

    def cuts(self, target: str) -> bool:
        """Return whether `target` is out of reach."""
        return self.active and self._rule is not None and target in self._rule.cut

    async def reach(self, target: str) -> None:
        """Return once `target` can be reached: a cut link is silent, so the caller's own deadline ends the wait."""
        while self.cuts(target):
            trace.get_current_span().set_attribute("autional.fault", "cut")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.001, self._until - time.monotonic())):
                    await self._changed.wait()


class FaultChannel:
    """Receives rules on a unix datagram socket at `path`."""

    def __init__(self, path: Path, faults: Faults) -> None:
        self._path = path
        self._faults = faults
        self._socket: socket.socket | None = None
        self._bound: os.stat_result | None = None

    async def open(self) -> None:
        """Listen. A socket file that is there is a leftover of an earlier process of this replica."""
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        before = os.umask(0o177)
        try:
            self._socket.bind(str(self._path))
        finally:
            os.umask(before)
        self._bound = self._path.stat()
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._receive)

    def _receive(self) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    self._faults.set(Rule.decode(self._socket.recv(LARGEST)))
                except ValueError as error:
                    log.warning("fault refused", error=str(error))

    def close(self) -> None:
        """Listen no more, and remove the socket file unless it is another process's by now."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            with contextlib.suppress(FileNotFoundError):
                if self._bound and os.path.samestat(self._path.stat(), self._bound):
                    self._path.unlink()
