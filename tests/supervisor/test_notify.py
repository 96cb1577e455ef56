from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from autional_cli.supervisor.notify import Inbox, notify, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


async def test_what_a_process_notifies_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
    inbox = Inbox(tmp_path / "n.sock", arrived.put_nowait)
    monkeypatch.setenv("NOTIFY_SOCKET", str(inbox.path))
    assert notify(READY=1, STATUS="two\nlines = one")
    assert await asyncio.wait_for(arrived.get(), 10) == {"READY": "1", "STATUS": "two lines = one"}
    assert inbox.path.stat().st_mode & 0o777 == 0o600
    inbox.close()
    inbox.close()
    assert not inbox.path.exists()
    assert not notify(STOPPING=1)


def test_nobody_listening_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify(READY=1)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    assert not notify(READY=1)


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_abstract_sockets_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0autional-test-notify")
        monkeypatch.setenv("NOTIFY_SOCKET", "@autional-test-notify")
        assert notify(READY=1)
        assert listener.recv(100) == b"READY=1"


def test_what_is_not_an_assignment_is_ignored() -> None:
    assert parse(b"READY=1\nnonsense\n\xff\xfe\nA=b=c") == {"READY": "1", "A": "b=c"}


async def test_a_leftover_socket_does_not_prevent_listening(tmp_path: Path) -> None:
    (tmp_path / "n.sock").touch()
    Inbox(tmp_path / "n.sock", lambda _: None).close()
