"""One try at running a unit: prepare, launch, wait until it is ready; and its end."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.drivers.base import WATCHDOG, Releasable
from autional_cli.drivers.telling import listening
from autional_cli.errors import AutionalError
from autional_cli.ports import LOOPBACK, refuse_taken
from autional_cli.supervisor.child import HOLD
from autional_cli.supervisor.launch import ZygoteDiedError
from autional_cli.supervisor.notify import Inbox, drain_said
from autional_cli.supervisor.output import LINES, last_lines, log_size, printed_lines
from autional_cli.supervisor.priority import compete, yield_for_now

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from contextlib import AbstractContextManager

    from autional_cli.drivers.base import ProcessSpec
    from autional_cli.plan import UnitDef
    from autional_cli.supervisor.launch import Handle
    from autional_cli.supervisor.platform import Platform
    from autional_cli.supervisor.process import Exit
    from autional_cli.supervisor.turns import Turn


class CrashError(Exception):
    """The process is gone, or did not become ready; empty when how it exited says it all."""


class Attempt:
    """From nothing to ready, once. `end` cleans up after any outcome.

    `generation` tells a successor from the predecessor that still runs; `listener` is the socket it takes over.
    """

    def __init__(
        self, definition: UnitDef, platform: Platform, generation: int = 0, listener: socket.socket | None = None
    ) -> None:
        self.handle: Handle | None = None
        self.drain: dict[str, Any] | None = None
        self.heard_at: float | None = None  # its last WATCHDOG=1
        self.generation = generation
        self._listener = listener.dup() if listener else None
        self._is_successor = listener is not None
        self._definition = definition
        self._platform = platform
        self._launching: asyncio.Future[Handle] | None = None
        self._inbox: Inbox | None = None
        self._ready = asyncio.Event()
        self._turn: Turn | None = None
        self._began = 0.0
        self._spec = definition.process
        self._offset = log_size(self._spec.log if self._spec else None)
        told = self._spec.env.get("AUTIONAL_LOG_FILE") if self._spec else None
        self._structured = Path(told) if told else None
        self._structured_offset = log_size(self._structured)

    @property
    def listener(self) -> socket.socket | None:
        """The socket that its process listens on, to be handed over."""
        return self._listener

    def output(self) -> tuple[str, ...]:
        """The last lines that the process wrote in this attempt: what it printed, then what went past that."""
        printed = printed_lines(self._structured, self._structured_offset)
        return (*printed, *last_lines(self._spec.log if self._spec else None, self._offset))[-LINES:]

    async def build_up(self) -> None:
        """Start a process that holds: it comes as far as it can without what the unit needs. CrashError: it cannot."""
        self._platform.presence.must_hold()
        spec = self._spec
        if spec and spec.holds and not self.handle:
            turn = await self._platform.turns.take()
            try:
                self._began, self._turn = self._platform.timeline.now(), turn
                handle = await self._launch(spec, self._listen() | {HOLD: "1"})
            except BaseException:
                turn.end()
                raise
            handle.exited.add_done_callback(lambda _: turn.end())

    def _is_built(self) -> None:
        if self._turn:
            timeline = self._platform.timeline
            timeline.record(f"{self._definition.name}.build", self._began, timeline.now(), ("zygote.import",))
            self._turn.end()
            self._turn = None

    async def bring_up(self) -> None:
        """Return when the unit is ready. CrashError if its process ends first; AutionalError if a retry cannot help."""
        self._platform.presence.must_hold()
        definition = self._definition
        if definition.resource:
            await self._bring_up_resource()
        elif definition.task and definition.task.is_done():
            self._say("nothing to do")
        elif self._spec and definition.task:
            with self._step("run"):
                await self._run_to_end(self._spec)
                await definition.task.finish(self._platform.pause)
        elif self._spec:
            await self.build_up()
            with self._step("start"):
                handle = self.handle or await self._launch(self._spec, self._listen())
                handle.release()
                await self._unless_gone(handle, self._ready.wait(), definition.start_timeout_s)
            if self._is_successor:
                await compete(handle.pid)

    async def _bring_up_resource(self) -> None:
        resource = self._definition.resource
        assert resource is not None
        loop = asyncio.get_running_loop()

        def hear(status: str) -> None:
            loop.call_soon_threadsafe(self._say, status)

        with self._step("prepare"), listening(hear):
            self._say("preparing")
            await asyncio.to_thread(resource.inspect)
            await resource.prepare()
        self._spec = resource.process()
        if self._spec:
            with self._step("start"):
                self._say("starting")
                self._offset = log_size(self._spec.log)
                handle = await self._launch(
                    self._spec, self._listen() if self._spec.entry or self._spec.notifies else {}
                )
                await self._unless_gone(handle, resource.wait_ready(self._definition.start_timeout_s))
        with self._step("provision"):
            self._say("provisioning")
            await self._unless_gone(self.handle, resource.provision())
        self._say("")

    async def _run_to_end(self, spec: ProcessSpec) -> None:
        handle = await self._launch(spec, self._listen())
        ended = await handle.exited
        if ended.code != 0:
            raise CrashError(ended.describe())
        self.handle = None

    def _listen(self) -> dict[str, str]:
        path = self._platform.run_dir / f"notify-{self._definition.name}{'~' * self.generation}.sock"
        self._inbox = Inbox(path, self._receive)
        return {"NOTIFY_SOCKET": str(path), **WATCHDOG}

    def _receive(self, fields: Mapping[str, str]) -> None:
        if said := drain_said(fields):
            self.drain = said
            self._platform.board.detail(self._definition.name, drain=said)
        if "STATUS" in fields and not (self._is_successor and not self._ready.is_set()):
            self._say(fields["STATUS"])
        if fields.get("WATCHDOG") == "1":
            self.heard_at = time.monotonic()
        if "X_AUTIONAL_HELD" in fields:
            self._is_built()
        if fields.get("READY") == "1":
            self._ready.set()

    def restore(self) -> None:
        """Have a socket again for what its process says, if that was removed."""
        if self._inbox:
            self._inbox.restore()

    def _say(self, status: str) -> None:
        self._platform.board.detail(self._definition.name, status=status)

    async def _launch(self, spec: ProcessSpec, env: Mapping[str, str]) -> Handle:
        # Shielded: a process that is being born when the unit is stopped must still be known to `end`.
        if spec.listen and self._listener is None:
            self._listener = bind(spec)
        told = {**(spec.successor_env if self.generation else {}), **env}
        self._launching = asyncio.ensure_future(self._platform.launch(spec, told, self._listener))
        try:
            self.handle = await asyncio.shield(self._launching)
        except ZygoteDiedError:
            raise CrashError("could not be forked: the zygote died") from None
        if self._is_successor:  # its predecessor serves: whoever uses that comes first
            await yield_for_now(self.handle.pid)
        else:
            self._platform.board.detail(self._definition.name, pid=self.handle.pid)
        return self.handle

    async def _unless_gone(self, handle: Handle | None, work: Coroutine[Any, Any, Any], timeout_s: float = 600) -> None:
        """Await `work`; CrashError when the process ends before, or when `timeout_s` pass."""
        running = asyncio.ensure_future(work)
        waits: set[asyncio.Future[Any]] = {running, handle.exited} if handle else {running}
        try:
            done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait({running})
        if running in done:
            running.result()
        elif done:
            raise CrashError
        else:
            raise CrashError(f"did not report readiness within {timeout_s:.0f} s")

    def _step(self, what: str) -> AbstractContextManager[None]:
        needs_zygote = bool(self._spec and self._spec.entry)
        return self._platform.timeline.step(
            f"{self._definition.name}.{what}",
            units=self._definition.needs,
            steps=("zygote.import",) if needs_zygote else ("workspace.load",),
        )

    async def end(self, patience_s: float = math.inf) -> Exit | None:
        """Stop what is left of it and return how its process ended; AutionalError when it cannot be stopped."""
        if self._listener:
            self._listener.close()  # from here on the process alone decides whether somebody listens
            self._listener = None
        if self._launching and not self.handle and not self._launching.cancelled():
            with suppress(AutionalError, OSError, TimeoutError):
                self.handle = await self._launching
        try:
            ended = await self.handle.stop(patience_s) if self.handle else None
            if self.handle and isinstance(self._definition.resource, Releasable):
                await self._definition.resource.release()
            return ended
        finally:
            if self._inbox:
                inbox, self._inbox = self._inbox, None
                inbox.read()  # its last words
                inbox.close()


def bind(spec: ProcessSpec) -> socket.socket:
    """Return a socket bound to the port of `spec`, not listening yet; AutionalError naming who holds the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, spec.listen))
    except OSError:
        sock.close()
        refuse_taken([spec.listen or 0], wanted_by=spec.name)
        raise
    return sock
