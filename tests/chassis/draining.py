"""What the tests of a draining process share: the deadlines, and how a report is read."""

from __future__ import annotations

from typing import Any

from tests.chassis.processes import Process

LATE = {"AUTIONAL_SHUTDOWN_TIMEOUT_S": "1.5"}  # of which work in hand may use one second
AT_ONCE = {"AUTIONAL_LAME_DUCK_S": "0"}


async def stopping(process: Process) -> None:
    """Send SIGTERM and wait until the drain has begun."""
    process.child.terminate()
    await process.notifications.until("STOPPING")


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["in_flight"], report["completed"], report["aborted"], report["unacked"]
