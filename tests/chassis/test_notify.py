"""What a process says of itself arrives, also where the listener is busy with something else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from services.chassis.notify import notify, report_drain

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
