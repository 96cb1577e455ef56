"""Retention: once a day, records past their time are removed."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from pymongo.errors import PyMongoError

from services.audit.options import AuditOptions
from services.audit.trail import Trail
from services.chassis.clock import utcnow
from services.chassis.lifecycle import Ready, Stage
from services.chassis.logging import get_logger

log = get_logger(__name__)
_EVERY_S = 24 * 3600


class Retention:
    """A server of the chassis."""

    name = "retention"
    stage = Stage.INTAKE

    def __init__(self, trail: Trail, options: AuditOptions) -> None:
        self._trail = trail
        self._kept = timedelta(days=options.retention_days)
        self._stop = asyncio.Event()

    async def serve(self, ready: Ready) -> None:
        """Prune at the start and then once a day, until `shutdown`."""
        ready()
        while not self._stop.is_set():
            if self._kept:
                try:
                    removed = await self._trail.prune(utcnow() - self._kept)
                    log.info("retention", removed=removed, kept_days=self._kept.days)
                except PyMongoError as error:
                    log.warning("retention put off", error=repr(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._stop.wait()

    async def shutdown(self) -> None:
        """Stop; a pass that has begun is short and goes on to its end."""
        self._stop.set()
