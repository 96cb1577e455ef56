"""What a process says of itself arrives, also where the listener is busy with something else."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from services.chassis.notify import keep_alive, notify, report_drain, watchdog_s

MANY = 1000  # more than the queue of a datagram socket takes on any kernel
WAIT_S = 5.0


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(WAIT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield bound


def test_the_end_of_a_drain_waits_for_a_listener_that_is_behind(listener: socket.socket) -> None:
    for step in range(MANY):  # none of them waits
        report_drain({"step": step}, status="draining", final=False)
    says = Thread(target=report_drain, args=({"step": MANY},), kwargs={"status": "drained", "final": True})
    says.start()
    says.join(0.2)  # it had the chance to give up
    while b"X_AUTIONAL_DRAIN" not in listener.recv(1 << 16):
        pass
    says.join()


def test_a_listener_that_never_reads_holds_nobody_up_for_ever(listener: socket.socket) -> None:
    for step in range(MANY):
        report_drain({"step": step}, status="draining", final=False)
    assert not notify(READY="1")


async def test_a_process_says_that_it_is_alive_twice_in_the_time_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        alive = asyncio.create_task(keep_alive())
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = [await loop.sock_recv(listener, 100) for _ in range(3)]
        assert said == [b"WATCHDOG=1"] * 3
        assert loop.time() - began >= 0.2
        alive.cancel()


@pytest.mark.parametrize(
    ("usec", "whose", "limit_s"),
    [("", "", 0.0), ("many", "", 0.0), ("2000000", "", 2.0), ("2000000", "1", 0.0), ("2000000", "me", 2.0)],
)
async def test_nobody_keeps_watch_unless_this_process_is_told_so(
    monkeypatch: pytest.MonkeyPatch, usec: str, whose: str, limit_s: float
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if whose == "me" else whose)
    assert watchdog_s() == limit_s
    if not limit_s:
        await keep_alive()
