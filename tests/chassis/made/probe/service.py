"""Probe: what it is made of. Where it waits, it waits for the test to open a gate."""

from __future__ import annotations

import asyncio
import os
import time

from fastapi import APIRouter, Request
from sqlalchemy import text

from services.chassis.access import Peer
from services.chassis.app import Application
from services.chassis.db import Database, UnitOfWork
from services.chassis.dto import Envelope, ok
from services.chassis.events import Event
from services.chassis.settings import Settings
from tests.chassis.made.probe import streams
from tests.chassis.made.probe.gates import gate
from tests.chassis.servers import HAPPENED, OTHER, PROBE

SPEC = PROBE
router = APIRouter(prefix="/v1/internal")


@router.get("/ping")
async def ping(_caller: Peer) -> Envelope[str]:
    """Answer at once."""
    return ok("pong")


@router.post("/slow")
async def slow(request: Request, _caller: Peer) -> Envelope[str]:
    """Publish an event at the very end."""
    await gate("slow")
    db: Database = request.app.state.db
    async with db.transaction() as unit:
        unit.publish(OTHER, "published while draining", {})
    return ok("finished")


@router.post("/block")
async def block(_caller: Peer) -> Envelope[None]:
    """Block the event loop, as a bug would."""
    gone = asyncio.create_task(gate("block"))
    await asyncio.sleep(0.05)
    time.sleep(60)  # noqa: ASYNC251 - that is the bug
    await gone
    return ok(None)


async def happened(unit: UnitOfWork, event: Event) -> None:
    """Have an effect, slowly."""
    await gate("consume")
    await unit.session.execute(text("INSERT INTO effects (subject) VALUES (:s)"), {"s": event.subject})


async def other(_unit: UnitOfWork, _event: Event) -> None:
    """Have no effect."""


async def fail() -> None:
    """Fail, as a cleanup may."""
    raise RuntimeError("cannot close")


async def hang() -> None:
    """Never end."""
    await asyncio.Event().wait()


def build(settings: Settings) -> Application:
    """Put the service together."""
    wanted = os.environ.get("PROBE_TROUBLE", "").split(",")
    db = Database(settings)
    app = (
        Application(SPEC, settings)
        .with_router(router)
        .with_router(streams.router)
        .with_database(db)
        .with_state(db=db)
        .with_consumer(db, {HAPPENED: happened, OTHER: other})
        .with_grpc(streams.register)
        .with_cleanup("first", lambda: None)
    )
    app.with_state(jobs=app.jobs)
    if "cleanups" in wanted:
        app.with_cleanup("fails", fail).with_cleanup("hangs", hang, 0.2)
    if "blocking-cleanup" in wanted:
        app.with_cleanup("blocks", lambda: time.sleep(60))
    if "start" in wanted:
        app.with_start(lambda: gate("start"))
    return app.with_cleanup("last", lambda: None)
