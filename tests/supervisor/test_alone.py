"""Which process `drain --self` means."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

from autional_cli.supervisor.alone import find
from tests.guard import guarded

FORKS = """
import os, sys
if os.fork():
    print(os.getpid(), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_what_a_service_has_forked_and_not_yet_executed_is_not_taken_for_a_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replica = f"probe-{secrets.token_hex(4)}"
    monkeypatch.setenv("AUTIONAL_REPLICA", replica)
    monkeypatch.delenv("AUTIONAL_HTTP_PORT", raising=False)
    argv, kept = guarded([sys.executable, "-c", FORKS, "-m", "services.chassis", "probe"])
    environment = dict(os.environ)
    with subprocess.Popen(
        argv, pass_fds=kept, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert find() == (pid, "probe")
        process.communicate()
