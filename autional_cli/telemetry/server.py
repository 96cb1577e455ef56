"""The telemetry process: receives spans, indexes logs, answers queries. Entry point: `main`.

Environment: AUTIONAL_HTTP_PORT (0 picks one), AUTIONAL_TRACES_DB, AUTIONAL_LOGS_DIR, AUTIONAL_LOG_FILE, NOTIFY_SOCKET;
AUTIONAL_TELEMETRY_LIMITS (limits.py). SIGTERM and SIGINT: stop listening, finish what was
accepted, write it, exit 0. Idle, it waits on file descriptors alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from autional_cli.supervisor.notify import notify
from autional_cli.telemetry.app import Application
from autional_cli.telemetry.connection import Connection
from autional_cli.telemetry.journal import Journal
from autional_cli.telemetry.limits import ENVIRONMENT, read_limits
from autional_cli.telemetry.log_follow import Watch
from autional_cli.telemetry.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
DRAIN_S = 5  # for requests under way when the process is told to stop
INDEX_AGAIN_S = 1.0
INDEX_STEP_MS = 250  # a lookup reads what is not indexed yet, so this only spares wake-ups


class Server(uvicorn.Server):
    """uvicorn without its ten ticks a second and its own idea of signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`: uvicorn would raise them again and skip what comes after."""
        yield

    async def main_loop(self) -> None:
        """Wait to be stopped, having told the supervisor that requests are served."""
        port = self.servers[0].sockets[0].getsockname()[1]
        notify(READY=1, STATUS=f"listening on {HOST}:{port}")
        await self.stopping.wait()
        notify(STOPPING=1)


def main() -> int:
    """Run until told to stop; returns the exit code."""
    journal = Journal.from_environment()
    try:
        address = (HOST, int(os.environ["AUTIONAL_HTTP_PORT"]))
        with socket.create_server(address) as listener, asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(serve(listener, journal))
        return 0
    except (OSError, sqlite3.Error) as failure:
        where = {"port": os.environ["AUTIONAL_HTTP_PORT"], "store": os.environ["AUTIONAL_TRACES_DB"]}
        journal.write("error", "telemetry cannot run", error=str(failure), **where)
        return 1
    finally:
        journal.close()


def make_loop() -> asyncio.AbstractEventLoop:
    """Prefer uvloop, as the services do."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def serve(listener: socket.socket, journal: Journal) -> None:
    """Serve on `listener` until SIGTERM or SIGINT."""
    path, logs = Path(os.environ["AUTIONAL_TRACES_DB"]), Path(os.environ["AUTIONAL_LOGS_DIR"])
    await asyncio.to_thread(logs.mkdir, parents=True, exist_ok=True)
    writer = Writer(path, journal, read_limits(os.environ.get(ENVIRONMENT)))
    application = Application(writer, path)
    server = Server(
        uvicorn.Config(
            application,
            http=Connection,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # its clock is one of the ticks
            timeout_keep_alive=75,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stopping.set)
    stop_indexing = threading.Event()
    indexing = asyncio.create_task(keep_indexing(writer, logs, stop_indexing, journal))
    try:
        await server.serve([listener])
    finally:
        stop_indexing.set()
        await indexing
        application.close()
        await writer.close()
        journal.write("info", "telemetry stopped")


async def keep_indexing(writer: Writer, logs: Path, stop: threading.Event, journal: Journal) -> None:
    """Index the logs until `stop` is set, whatever happens to them; what fails is journaled and begun again."""
    while True:
        try:
            await keep_index(writer, logs, stop)
        except Exception as failure:  # noqa: BLE001 - a search that is slower is better than none
            journal.write("error", "the log index failed and is begun again", error=repr(failure))
        if await asyncio.to_thread(stop.wait, INDEX_AGAIN_S):
            return


async def keep_index(writer: Writer, logs: Path, stop: threading.Event) -> None:
    """Index the logs whenever they change, and once more at the end."""
    watch = Watch(logs, step_ms=INDEX_STEP_MS)
    try:
        await writer.index_logs(logs)
        while await asyncio.to_thread(watch.wait, stop):
            await writer.index_logs(logs)
        await writer.index_logs(logs)
    finally:
        watch.close()
