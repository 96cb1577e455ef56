"""A user who walks steps of journeys and writes down every request, those without an answer included."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from autional_cli.errors import AutionalError
from autional_cli.load.records import Outcome, Records, Request, StepRun
from services.chassis.journey import JourneyError, Traveller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.chassis.journey import Step

LAST_LOOK_S = 1.0  # for the answer to the last question of a step that asks again and again
WRONG = (JourneyError, AutionalError, aiohttp.ClientError, OSError, TimeoutError, KeyError, TypeError, IndexError)


@dataclass(slots=True, kw_only=True)
class Walker(Traveller):
    """A traveller whose requests are recorded under the step it walks."""

    records: Records
    capability: str = ""
    _ends: float = math.inf
    _last: Request = field(default_factory=lambda: Request(capability="", method="", path="", at=0.0, ms=0.0))

    @property
    def is_signed_out(self) -> bool:
        """Whether the last answer was that this user is nobody."""
        return self._last.status == 401

    async def walk(self, step: Step, limit_s: float) -> StepRun:
        """Run one step, at most `limit_s` seconds long, and record how it went."""
        self.capability = step.name
        self.exchanges.clear()
        at, began, error = time.time(), time.perf_counter(), ""
        self._ends = time.monotonic() + limit_s
        self.records.under_way[id(self)] = at
        try:
            async with asyncio.timeout(limit_s):
                await step.run(self)
        except TimeoutError:
            error = f"took longer than {limit_s:g} s"
        except WRONG as failure:
            error = (str(failure) or type(failure).__name__)[:300]
        finally:
            self.records.under_way.pop(id(self), None)
        run = StepRun(
            capability=step.name,
            at=at,
            ms=(time.perf_counter() - began) * 1000,
            ok=not error,
            error=error,
            promises=step.publishes,
            trace_ids=tuple(dict.fromkeys(exchange.trace_id for exchange in self.exchanges if exchange.trace_id)),
        )
        self.records.steps.append(run)
        return run

    async def request(
        self, method: str, path: str, json: Any = None, *, expect: int = 200, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a request as a traveller does; an answer with another status than `expect` counts as failed."""
        status, document = await self.send(method, path, json, headers=headers)
        if status != expect:
            self._blame(f"expected {expect}, got {status} {document.get('error', '')}".rstrip())
            raise JourneyError(f"{method} {path}: expected {expect}, got {status} {document}")
        return document.get("data") if status < 400 else document

    async def send(
        self, method: str, path: str, json: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request and record it, whatever becomes of it."""
        record = Request(capability=self.capability, method=method, path=path, at=time.time(), ms=0.0)
        before, began = len(self.exchanges), time.perf_counter()
        try:
            status, document = await Traveller.send(self, method, path, json, headers=headers)
            record.outcome = outcome_of(status, document)
            record.code = str(document.get("error") or "") if document.get("trace_id") else ""
            record.error = "" if record.outcome is not Outcome.FAILED else str(document.get("error", ""))
            return status, document
        except asyncio.CancelledError:
            record.error = "no answer in time"
            raise
        except (aiohttp.ClientError, OSError, JourneyError) as error:
            record.error = f"{type(error).__name__}: {error}"[:300]
            raise
        finally:
            record.ms = (time.perf_counter() - began) * 1000
            if len(self.exchanges) > before:
                record.status, record.trace_id = self.exchanges[-1].status, self.exchanges[-1].trace_id
            self.records.requests.append(record)
            self._last = record

    async def eventually(
        self, method: str, path: str, until: Callable[[Any], bool], *, what: str, timeout_s: float = 15.0
    ) -> Any:
        """Ask until the answer is right, ending in time for the last one: else the step's limit would cut off a
        request that was answered in time, and count it as failed."""
        left_s = max(0.0, self._ends - time.monotonic() - LAST_LOOK_S)
        return await Traveller.eventually(self, method, path, until, what=what, timeout_s=min(timeout_s, left_s))

    def _blame(self, error: str) -> None:
        self._last.outcome, self._last.error = Outcome.FAILED, error


def outcome_of(status: int, document: Mapping[str, Any]) -> Outcome:
    """Return what an answer with `status` is; whether a step reckons with a 4xx is for the step to say."""
    if status < 400:
        return Outcome.ANSWERED
    return Outcome.REFUSED if status < 500 and "error" in document and "trace_id" in document else Outcome.FAILED
