"""A server that runs for a moment while its data is created.

It is no unit of the supervisor, so `python -m autional_cli.resources.bootstrap PROGRAM…` watches over it: when the pipe
on standard input closes, because the supervisor is done or died, the server ends with it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from autional_cli.ports import LOOPBACK
from autional_cli.resources.probe import until
from autional_cli.resources.tools import explain, failed

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

STOP_S = 10.0
ATTEMPTS = 2
ATTEMPT_S = 4.0
WAKE_AFTER_S = 0.05
WAKE_S = 0.5


@asynccontextmanager
async def bootstrapped(
    command: Callable[[int], tuple[str, ...]], answers: Callable[[int], Awaitable[object]], at: Path, timeout_s: float
) -> AsyncIterator[int]:
    """Run `command(port)` on a free port for the length of the block, which begins when `answers(port)` returns.

    The server is stopped cleanly when the block ends. AutionalError (exit 4) with its output when it fails.
    """
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autional_cli.resources.bootstrap", str(port), *command(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    output = asyncio.ensure_future(process.stdout.read())
    try:
        if await serves(process, lambda: answers(port), timeout_s):
            yield port
        process.stdin.close()
        async with asyncio.timeout(STOP_S):
            text, status = (await output).decode(errors="replace"), await process.wait()
    except TimeoutError:
        raise failed(f"the server did not end its first run within {STOP_S:g} s", at) from None
    finally:
        process.stdin.close()  # the watcher stops the server
        async with asyncio.timeout(STOP_S + WAKE_S):
            await asyncio.gather(output, process.wait(), return_exceptions=True)
    if status:
        raise explain(text, f"the server's first run ended with status {status}", at)


async def serves(process: Process, answers: Callable[[], Awaitable[object]], timeout_s: float) -> bool:
    """Return True once the server answers, False when it has ended instead."""
    ready = asyncio.ensure_future(until(answers, what="mongo while it is created", timeout_s=timeout_s))
    ended = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            await ready
        return ready.done()
    finally:
        for task in (ready, ended):
            task.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Run a program until standard input closes, or it ends by itself; return its exit status."""
    port, *argv = sys.argv[1:]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as server:  # noqa: S603 - the caller is the supervisor
        threading.Thread(target=lambda: os._exit(server.wait()), daemon=True).start()
        sys.stdin.read()
        for _ in range(ATTEMPTS):
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                return server.wait(WAKE_AFTER_S)
            with suppress(OSError):  # a server that waits in accept() acts on the signal at the next connection
                socket.create_connection((LOOPBACK, int(port)), WAKE_S).close()
            with suppress(subprocess.TimeoutExpired):
                return server.wait(ATTEMPT_S)
        server.kill()
        return 1


if __name__ == "__main__":
    sys.exit(main())
