"""What keeps one failing service from taking its callers along: circuit breaker and retry budget."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from services.chassis.errors import UNAVAILABLE, ServiceError
from services.chassis.metrics import BREAKER_OPEN

_THRESHOLD = 5
_OPEN_S = 0.5
_AWAY = frozenset({502, 503, 504})


class Breakers:
    """One circuit per target: opens after five failures in a row, lets calls try again after half a second."""

    def __init__(self, *, open_s: float = _OPEN_S) -> None:
        self._factory = AsyncCircuitBreakerFactory(
            default_threshold=_THRESHOLD, default_ttl=open_s, exclude=[(BaseException, _is_no_failure)]
        )
        self._factory.add_listener(_report)

    @asynccontextmanager
    async def guard(self, target: str) -> AsyncIterator[None]:
        """Run the block unless the circuit of `target` is open. Raises `ServiceError(UNAVAILABLE)` if it is."""
        try:
            async with await self._factory.get_breaker(target):
                yield
        except OpenedState as error:
            # The library goes by the time of day: a clock that was set back must not keep the circuit open till then.
            error.opened_at = min(error.opened_at, time.time())
            raise ServiceError(UNAVAILABLE, details={"service": target, "circuit": "open"}) from error


class OutOfTimeError(ServiceError):
    """The caller's own time ran out before the target had what a call is given: nothing is known of the target."""


def _is_no_failure(error: BaseException) -> bool:
    """Only a target that cannot be reached or does not answer has failed.

    A 4xx is the target doing its work; so is a 500, which says that one request cannot be served, perhaps because it
    was made for that. A caller that gave up, had no time left, or asked for what cannot be sent says nothing of it.
    """
    away = isinstance(error, ServiceError) and error.code.status in _AWAY
    return not away or isinstance(error, OutOfTimeError)


def _report(name: str, kind: str, event: Any) -> None:
    if kind == "state_changed":
        BREAKER_OPEN.labels(name).set(1 if event.state == "opened" else 0)


class RetryBudget:
    """Allows retries up to a share of the calls, so that retries cannot multiply an outage.

    Each call earns `share` of a token, each retry costs one; `floor` tokens come back every second for quiet times.
    """

    def __init__(self, *, share: float = 0.2, floor: float = 1.0, most: float = 20.0) -> None:
        self._share = share
        self._floor = floor
        self._most = most
        self._tokens = most
        self._at = time.monotonic()

    def earn(self) -> None:
        """Count a call."""
        now = time.monotonic()
        self._tokens = min(self._most, self._tokens + self._share + (now - self._at) * self._floor)
        self._at = now

    def spend(self) -> bool:
        """Take a token for a retry; false if the budget is used up."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
