"""Starting and stopping processes: programs, and entries by spawn; `forker.py` has the faster way for entries."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor import child
from autional_cli.supervisor.output import open_log
from autional_cli.supervisor.process import Exit, is_suspended, kill_group, signal_process, start_time

if TYPE_CHECKING:
    from autional_cli.drivers.base import ProcessSpec

AWAKE_S = 0.5  # between looks at whether what is to stop is suspended
WAKE_S = 1.0
WAKE_AFTER_S = 0.05
HURRY_S = 2.0  # for a process that was told to hurry
HURRY_EVERY_S = 0.2
HARD_S = 5.0  # for a process to be gone after a kill signal


class ZygoteDiedError(ConnectionError):
    """The zygote went away between the request to fork and its answer; asking again reaches a new one."""


class Handle:
    """One process that was started. `exited` resolves when it is gone, whoever its parent is."""

    def __init__(self, spec: ProcessSpec, pid: int) -> None:
        self.spec = spec
        self.pid = pid
        self.started = start_time(pid)
        self.killed = False  # whether it had to be: then it did not finish what it had in hand
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.lifeline: socket.socket | None = None

    def ended(self, how: Exit) -> None:
        """Record the end; the first report counts."""
        if not self.exited.done():
            self.exited.set_result(how)

    def release(self) -> None:
        """Tell it to go on; one that was not held takes no notice."""
        if self.lifeline:
            with suppress(OSError):  # it is gone, which `exited` tells
                self.lifeline.send(b"go")

    async def stop(self, patience_s: float = math.inf) -> Exit:
        """Stop it: its stop signal, its kill signal after its deadline, SIGKILL to its group. Returns how it ended.

        One that hurries is told to when `patience_s` have passed, and has HURRY_S more before it is killed.
        Raises AutionalError when even SIGKILL left it running (a process stuck in the kernel).
        """
        if not self.exited.done():
            signal_process(self.pid, self.spec.stop_signal)
            await wake(self.spec.wake_port)
        if not await self._wait_awake(min(patience_s, self.spec.stop_timeout_s)) and self.spec.hurries:
            await self._hurry()
        self.killed = not self.exited.done()
        if self.killed and self.spec.kill_signal is not signal.SIGKILL:
            signal_process(self.pid, self.spec.kill_signal)
            await self._wait(HARD_S)
        kill_group(self.pid)
        if not await self._wait(HARD_S):
            raise AutionalError(
                f"{self.spec.name} (pid {self.pid}) survived SIGKILL",
                hint="see `autional doctor`: the process hangs in the kernel, often on a disk that does not answer",
                exit_code=ExitCode.DRAIN_INCOMPLETE,
            )
        return self.exited.result()

    async def _hurry(self) -> None:
        """Signal it again and again: two signals that come at once count as one (signal(7))."""
        for _ in range(round(HURRY_S / HURRY_EVERY_S)):
            signal_process(self.pid, self.spec.stop_signal)
            if await self._wait(HURRY_EVERY_S):
                return

    async def _wait_awake(self, seconds: float) -> bool:
        """Wait for its end; let it go on if it is stopped by a signal, in which state it hears no other."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            if is_suspended(self.pid):
                signal_process(self.pid, signal.SIGCONT)
            if await self._wait(min(left_s, AWAKE_S)):
                return True
        return self.exited.done()

    async def _wait(self, seconds: float) -> bool:
        done, _ = await asyncio.wait({self.exited}, timeout=seconds)
        return bool(done)


async def wake(port: int | None) -> None:
    """Connect to a server once: some notice a signal only when accept() returns.

    Not at once: a signal that meets the server while it serves the connection would be missed.
    """
    if port is not None:
        await asyncio.sleep(WAKE_AFTER_S)
        with suppress(OSError, TimeoutError):
            _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), WAKE_S)
            writer.close()


class Launcher(Protocol):
    """A way to start the process of a spec."""

    async def launch(self, spec: ProcessSpec, env: dict[str, str], listener: socket.socket | None = None) -> Handle:
        """Start it with exactly `env`; it inherits `listener`. Raises AutionalError when it cannot be started."""

    def renew(self) -> None:
        """Forget code that was imported ahead: what is launched from now on has what is on disk."""

    async def close(self) -> None:
        """Give back what the launcher itself holds; children are stopped one by one before."""


class Programs:
    """Starts programs: `argv` in a session of its own, stdin empty, output to its log."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Task[None]] = set()

    def renew(self) -> None:
        """Do nothing: a program holds no code of ours."""

    async def launch(self, spec: ProcessSpec, env: dict[str, str], listener: socket.socket | None = None) -> Handle:
        """Start `spec.argv`; a program takes no socket."""
        assert listener is None
        return await self.start(spec, spec.argv, env)

    async def start(
        self, spec: ProcessSpec, argv: tuple[str, ...], env: dict[str, str], keep: tuple[int, ...] = ()
    ) -> Handle:
        """Start `argv` for `spec`; the child inherits the descriptors `keep` as well."""
        log = open_log(spec.log)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=env,
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=keep,
                start_new_session=True,
            )
        except OSError as failure:
            raise AutionalError(
                f"{spec.name}: cannot start {argv[0]}: {failure.strerror or failure}",
                hint="`autional doctor` says which server is missing",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            ) from failure
        finally:
            os.close(log)
        handle = Handle(spec, process.pid)
        waiter = asyncio.create_task(self._report(process, handle), name=f"exit of {spec.name}")
        self._waiting.add(waiter)
        waiter.add_done_callback(self._waiting.discard)
        return handle

    @staticmethod
    async def _report(process: asyncio.subprocess.Process, handle: Handle) -> None:
        handle.ended(Exit.from_returncode(await process.wait()))

    async def close(self) -> None:
        """Stop waiting."""
        for waiter in tuple(self._waiting):
            waiter.cancel()


class Spawner:
    """Starts entries in new interpreters, where fork is not safe (macOS) or not wanted."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._lifelines: dict[Handle, socket.socket] = {}

    def renew(self) -> None:
        """Do nothing: a new interpreter reads what is on disk."""

    async def launch(self, spec: ProcessSpec, env: dict[str, str], listener: socket.socket | None = None) -> Handle:
        """Start `spec.entry` with a lifeline."""
        ours, theirs = socket.socketpair()
        argv = (sys.executable, "-m", "autional_cli.supervisor.spawn", spec.entry or "")
        try:
            with theirs:
                keep = (theirs.fileno(), *([listener.fileno()] if listener else []))
                told = dict(zip((child.LIFELINE, child.LISTENER), map(str, keep), strict=False))
                handle = await self._programs.start(spec, argv, env | told, keep)
        except BaseException:
            ours.close()
            raise
        self._lifelines[handle] = handle.lifeline = ours
        handle.exited.add_done_callback(lambda _: self._lifelines.pop(handle).close())
        return handle

    async def close(self) -> None:
        """Close what lifelines are left."""
        for lifeline in self._lifelines.values():
            with suppress(OSError):
                lifeline.close()
