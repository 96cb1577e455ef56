"""The control socket: for the owner alone, and unimpressed by nonsense."""

from __future__ import annotations

import json
import os
import socket
import threading

import pytest

from autional_cli.errors import AutionalError
from autional_cli.supervisor import client
from autional_cli.supervisor.control import LARGEST
from autional_cli.supervisor.peer import peer
from tests.supervisor.harness import Harness, web


@pytest.fixture
def method() -> str:
    return "fork"


@pytest.fixture
def running(harness: Harness) -> Harness:
    harness.define(web("identity"))
    harness.up()
    return harness


def test_only_the_owner_reaches_it(running: Harness) -> None:
    path = running.instance.run_dir / "control.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer(ours).uid == os.getuid()


@pytest.mark.parametrize(
    "nonsense",
    [b"not json\n", b"[1]\n", b"\xff\xfe\n", b"x" * (LARGEST + 10) + b"\n", b'{"op": "explode"}\n', b'{"op": 1}\n'],
)
def test_nonsense_is_answered_with_an_error_and_harms_nobody(running: Harness, nonsense: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(running.instance.run_dir / "control.sock"))
        raw.sendall(nonsense)
        answer = json.loads(raw.makefile("rb").readline())
    assert answer["error"]["message"]
    assert running.status()["state"] == "ready"


def test_fields_of_the_wrong_type_are_a_bad_request(running: Harness) -> None:
    with pytest.raises(AutionalError, match="bad request"):
        running.ask("wait", services=7)
    with pytest.raises(AutionalError, match="bad request"):
        running.ask("wait", **{"for": "happiness"})


def test_a_follower_sees_what_is_and_what_changes(running: Harness) -> None:
    with client.require(running.instance) as connection:
        connection.send(op="follow")
        assert connection.receive(5)["unit"]["state"] == "ready"
        restarting = threading.Thread(target=running.ask, args=("restart",), kwargs={"services": ["identity"]})
        restarting.start()
        states: list[str] = []
        while states[-1:] != ["ready"]:
            message = connection.receive(5)
            if message["from"] != message["unit"]["state"]:
                states.append(message["unit"]["state"])
        restarting.join(10)
    assert states == ["draining", "stopped", "pending", "starting", "ready"]
    running.remember()


def test_a_second_request_on_a_busy_connection_is_refused(running: Harness) -> None:
    with client.require(running.instance) as connection:
        connection.send(op="follow")
        connection.receive(5)
        connection.send(op="status")
        assert "another request" in connection.receive(5)["error"]["message"]
