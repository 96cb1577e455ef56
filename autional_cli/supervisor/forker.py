"""The supervisor's side of the zygote: asks it to fork, hears of exits, and remakes it when it dies."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.launch import Handle, ZygoteDiedError
from autional_cli.supervisor.output import open_log
from autional_cli.supervisor.process import Exit, is_alive, kill_group
from autional_cli.supervisor.start import Command, start_zygote
from autional_cli.supervisor.upkeep import Upkeep
from autional_cli.supervisor.zygote import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.drivers.base import ProcessSpec

FORK_S = 120.0  # a cold disk may take this long to import the stack; a fork itself takes milliseconds
LAST_WORDS_S = 2.0  # between the end of a lifeline and the exit status
AGAIN_S = 0.5
TRIES = 3  # zygotes in a row that die before they are ready


@dataclass(eq=False)
class _Zygote:
    """One generation: its process, what was asked of it, and which children it is the parent of."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    asked: dict[int, tuple[ProcessSpec, socket.socket, asyncio.Future[Handle]]] = field(default_factory=dict)
    children: dict[int, Handle] = field(default_factory=dict)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    retired: bool = False
    was_ready: bool = False
    gone: bool = False


class Forker:
    """Launches entries by forking them from the zygote."""

    def __init__(
        self,
        command: Command,
        first: tuple[subprocess.Popen[bytes], socket.socket] | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        self.on_ready: Callable[[float], None] = lambda _: None  # called with the seconds the zygote took
        self._command = command
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._upkeep = upkeep or Upkeep()
        self._fruitless = 0
        self._closing = False
        self._retired: set[_Zygote] = set()
        self._zygote = _Zygote(*(first or start_zygote(command)))
        self._background(self._listen(self._zygote), "zygote")

    @property
    def pid(self) -> int:
        """The process id of the present zygote."""
        return self._zygote.process.pid

    def _background(self, work: Any, name: str) -> None:
        task = self._upkeep.once(name, work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def renew(self) -> None:
        """Fork from a new zygote from now on; the present one stays until the children it must report on are gone."""
        old = self._zygote
        old.retired = True
        self._retired.add(old)
        self._zygote = _Zygote(*start_zygote(self._command))
        self._background(self._listen(self._zygote), "zygote")
        self._background(self._retire(old), "retired zygote")

    async def _retire(self, old: _Zygote) -> None:
        while waiting := {handle.exited for handle in old.children.values()}:
            await asyncio.wait(waiting)
            await asyncio.sleep(0)
        with suppress(OSError):
            old.control.shutdown(socket.SHUT_RDWR)

    async def launch(self, spec: ProcessSpec, env: dict[str, str], listener: socket.socket | None = None) -> Handle:
        """Fork `spec.entry`; waits for the zygote to finish importing if it has to."""
        if self._fruitless >= TRIES:
            raise AutionalError(
                f"the zygote died {TRIES} times while importing; its output is in {self._command.log}",
                hint="`autional doctor` checks the packages; AUTIONAL_START_METHOD=spawn does without a zygote",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            )
        zygote, number = self._zygote, next(self._ids)
        ours, theirs = socket.socketpair()
        answer: asyncio.Future[Handle] = asyncio.get_running_loop().create_future()
        zygote.asked[number] = (spec, ours, answer)
        request = {"id": number, "name": spec.name, "entry": spec.entry, "env": env}
        request["cwd"] = str(spec.cwd) if spec.cwd else None
        log = open_log(spec.log)
        try:
            given = [theirs.fileno(), log, *([listener.fileno()] if listener else [])]
            await self._send(zygote, encode(request), given)
        finally:
            os.close(log)
            theirs.close()
        async with asyncio.timeout(FORK_S):
            return await answer

    async def _send(self, zygote: _Zygote, message: bytes, descriptors: list[int]) -> None:
        loop = asyncio.get_running_loop()
        async with zygote.sending:
            try:
                while True:
                    try:
                        sent = socket.send_fds(zygote.control, [message], descriptors)
                        break
                    except BlockingIOError:
                        await _writable(zygote.control)
                await loop.sock_sendall(zygote.control, message[sent:])
            except OSError as failure:
                raise ZygoteDiedError from failure

    async def _listen(self, zygote: _Zygote) -> None:
        loop = asyncio.get_running_loop()
        rest = b""
        try:
            with suppress(OSError):
                while data := await loop.sock_recv(zygote.control, 65536):
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self._hear(zygote, json.loads(line))
        finally:  # one that is not understood is of no use either: its end is what tells its children's
            with suppress(OSError):
                zygote.control.shutdown(socket.SHUT_RDWR)
            await self._bury(zygote)

    def _hear(self, zygote: _Zygote, message: dict[str, Any]) -> None:
        if "ready" in message:
            zygote.was_ready, self._fruitless = True, 0
            self.on_ready(message["ready"])
        elif "status" in message:
            if handle := zygote.children.pop(message["pid"], None):
                handle.ended(Exit.from_status(message["status"]))
        else:
            spec, lifeline, answer = zygote.asked.pop(message["id"])
            if "error" in message:
                lifeline.close()
                failure = AutionalError(f"{spec.name}: {message['error']}", exit_code=ExitCode.SERVICE_FAILED)
                failure.hint = "start with AUTIONAL_START_METHOD=spawn"
                if not answer.done():
                    answer.set_exception(failure)
                return
            handle = zygote.children[message["pid"]] = Handle(spec, message["pid"])
            handle.lifeline = lifeline
            self._background(self._watch(zygote, handle, lifeline), f"lifeline of {spec.name}")
            if not answer.done():
                answer.set_result(handle)

    async def _watch(self, zygote: _Zygote, handle: Handle, lifeline: socket.socket) -> None:
        """Notice the death of a child whose parent may have died before it."""
        lifeline.setblocking(False)
        with lifeline, suppress(OSError):
            while await asyncio.get_running_loop().sock_recv(lifeline, 64):
                pass
        deadline = time.monotonic() + LAST_WORDS_S
        while not handle.exited.done() and time.monotonic() < deadline:
            if zygote.gone and not is_alive(handle.pid, handle.started):
                break
            await asyncio.wait({handle.exited}, timeout=0.02)
        if not handle.exited.done() and is_alive(handle.pid, handle.started):
            kill_group(handle.pid)  # it closed its lifeline and lives on: out of anyone's control
        handle.ended(Exit())

    async def _bury(self, zygote: _Zygote) -> None:
        """Fail what was asked of a dead zygote and make a new one; its children serve on."""
        zygote.gone = True
        zygote.control.close()
        for _, lifeline, answer in zygote.asked.values():
            lifeline.close()
            if not answer.done():
                answer.set_exception(ZygoteDiedError())
        zygote.asked.clear()
        await asyncio.to_thread(zygote.process.wait)
        self._retired.discard(zygote)
        if self._closing or zygote.retired:
            return
        self._fruitless = 0 if zygote.was_ready else self._fruitless + 1
        while self._fruitless < TRIES:
            try:
                self._zygote = _Zygote(*start_zygote(self._command))
            except OSError:  # no memory, no process, no descriptor left
                self._fruitless += 1
                await asyncio.sleep(AGAIN_S)
            else:
                self._background(self._listen(self._zygote), "zygote")
                return

    async def close(self) -> None:
        """End the zygote and the tasks that watched it and its children."""
        self._closing = True
        for zygote in (self._zygote, *self._retired):
            with suppress(OSError):
                zygote.control.shutdown(socket.SHUT_RDWR)
            try:
                await asyncio.to_thread(zygote.process.wait, 5.0)
            except subprocess.TimeoutExpired:
                zygote.process.kill()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=LAST_WORDS_S + 1)
        for task in tuple(self._tasks):
            task.cancel()


async def _writable(control: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(control, ready.cancel)  # only its end matters
    try:
        await asyncio.wait({ready})
    finally:
        loop.remove_writer(control)
