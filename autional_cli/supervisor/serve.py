"""The composition root of the supervisor: makes the parts, runs until the platform is stopped, puts the parts away."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError
from autional_cli.supervisor import last
from autional_cli.supervisor.control import Control, error
from autional_cli.supervisor.daemon import Supervisor
from autional_cli.supervisor.forker import Forker
from autional_cli.supervisor.guard import Guard
from autional_cli.supervisor.journal import Journal
from autional_cli.supervisor.launch import Programs, Spawner
from autional_cli.supervisor.logs import Logs, limit
from autional_cli.supervisor.mending import Mending
from autional_cli.supervisor.operations import STOP_S, Operations
from autional_cli.supervisor.platform import Platform
from autional_cli.supervisor.presence import Presence
from autional_cli.supervisor.request import Request
from autional_cli.supervisor.timings import Timeline
from autional_cli.supervisor.upkeep import Upkeep

if TYPE_CHECKING:
    import socket
    import subprocess
    from collections.abc import Callable, Mapping

    from autional_cli.instance import Instance
    from autional_cli.supervisor.control import Operation
    from autional_cli.supervisor.launch import Launcher
    from autional_cli.supervisor.request import Source
    from autional_cli.supervisor.start import Command

    Zygote = tuple[Command, tuple[subprocess.Popen[bytes], socket.socket]]

CONTROL = "control.sock"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a supervisor was started: `source` is `module:class`, `began` when the person asked, in Unix seconds."""

    source: str
    stack: str | None = None
    began: float | None = None


def serve(instance: Instance, options: Options, zygote: Zygote | None, client: socket.socket | None) -> int:
    """Supervise `instance` until it is stopped; `client` is the inherited connection of whoever started it."""
    module, _, name = options.source.partition(":")
    source: Source = getattr(importlib.import_module(module), name)(instance)
    return asyncio.run(_serve(instance, options, source, zygote, client))


async def _serve(
    instance: Instance, options: Options, source: Source, zygote: Zygote | None, client: socket.socket | None
) -> int:
    journal = Journal(instance.logs_dir / "supervisor.jsonl")
    logs: Logs | None = None
    last.begin(instance)
    upkeep = Upkeep(journal)
    guard = Guard(lock=instance.home / "guardian.lock", log=instance.logs_dir / "guardian.out", upkeep=upkeep)
    programs = Programs()
    forker = Forker(*zygote, upkeep=upkeep) if zygote else None
    entries = forker or Spawner(programs)
    presence = Presence(instance.home)
    platform = Platform(run_dir=instance.run_dir, presence=presence, guard=guard, programs=programs, entries=entries)
    platform.timeline = _timeline(options, forker, platform)
    supervisor = Supervisor(instance=instance, platform=platform, source=source, journal=journal, upkeep=upkeep)
    control = Control(instance.run_dir / CONTROL, _operations(supervisor, guard, forker))
    upkeep.keep("the journal", supervisor.journal_transitions)
    upkeep.keep("looking after what runs", supervisor.vigil.keep)
    try:
        logs = Logs(instance, limit(os.environ))
        await guard.start()
        await control.open()
        guard.add_socket(instance.run_dir / CONTROL)
        mending = Mending(instance=instance, platform=platform, guard=guard, journal=journal)
        upkeep.keep("mending what was deleted", lambda: mending.keep(control))
        upkeep.keep("keeping the logs", logs.keep)
        stop = _stop_on_signal(supervisor)
        presence_lost = asyncio.create_task(presence.lost(), name="presence")
        presence_lost.add_done_callback(lambda _: stop())
        if client:
            await control.adopt(client)
        if options.stack:
            await supervisor.converge(Request(stack=options.stack), options.began)
        await supervisor.over.wait()
        presence_lost.cancel()
    except AutionalError as failure:
        journal.write(failure.message, level="error", hint=failure.hint)
        if client and not control.is_open:
            await asyncio.to_thread(client.sendall, json.dumps(error(failure)).encode() + b"\n")
    finally:
        await _put_away(control, entries, programs, guard)
        await upkeep.close()
        if logs:
            logs.close()
        last.end(instance, "" if presence.holds() else f"{instance.home}, or the lock in it, was removed or replaced")
    return 0


def _timeline(options: Options, forker: Forker | None, platform: Platform) -> Timeline:
    """Return the timeline of the first start, in which the zygote's import is a step of its own."""
    timeline = Timeline(options.began)
    timeline.record("supervisor.boot", 0.0, timeline.now())
    if forker:
        forker.on_ready = lambda took: timeline.record("zygote.import", timeline.now() - took, timeline.now())
    return timeline


def _operations(supervisor: Supervisor, guard: Guard, forker: Forker | None) -> Mapping[str, Operation]:
    def helpers() -> dict[str, int | None]:
        return {"guardian": guard.pid, "zygote": forker.pid if forker else None}

    return Operations(supervisor, helpers).table()


def _stop_on_signal(supervisor: Supervisor) -> Callable[[], None]:
    """Take the platform down in order when the supervisor itself is asked to stop; ignore a closed terminal.

    Return what asks it.
    """
    stopping: set[asyncio.Task[None]] = set()

    async def stop() -> None:
        with suppress(AutionalError):
            await supervisor.shut_down(timeout_s=STOP_S)

    def start() -> None:
        if not supervisor.closing:
            stopping.add(asyncio.create_task(stop(), name="stop on signal"))

    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, start)
    return start


async def _put_away(control: Control, entries: Launcher, programs: Launcher, guard: Guard) -> None:
    await control.close()
    await entries.close()
    await programs.close()
    await guard.close()
