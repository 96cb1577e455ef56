"""A server that runs for a moment while its data is created.

It is no unit of the supervisor, so `watcher.py` watches over it: when the pipe to it closes, because the supervisor is
done or died, the server ends with it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from autional_cli.ports import LOOPBACK
from autional_cli.resources import watcher
from autional_cli.resources.probe import until
from autional_cli.resources.tools import explain, failed

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

STOP_S = watcher.ATTEMPTS * (watcher.ATTEMPT_S + watcher.WAKE_S) + 1.0


@asynccontextmanager
async def bootstrapped(
    command: Callable[[int], tuple[str, ...]], answers: Callable[[int], Awaitable[object]], at: Path, timeout_s: float
) -> AsyncIterator[int]:
    """Run `command(port)` on a free port for the length of the block, which begins when `answers(port)` returns.

    The server is stopped cleanly when the block ends. AutionalError (exit 4) with its output when it fails.
    """
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", watcher.__file__, str(port), *command(port)),
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
        async with asyncio.timeout(STOP_S):
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
