"""The systemd notification protocol (sd_notify(3)): how a process says that it is ready or stopping."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import orjson

_ROOM_S = 2.0


def notify(**fields: str) -> bool:
    """Send `READY="1"`, `STATUS="…"`, … to `$NOTIFY_SOCKET`; false if nobody listens."""
    return _send(os.environ.get("NOTIFY_SOCKET", ""), fields, _ROOM_S)


async def keep_alive() -> None:
    """Say `WATCHDOG=1` from the event loop, twice in the time that sd_watchdog_enabled(3) gives, until cancelled.

    A listener that is behind is not waited for. Returns at once when nobody keeps watch.
    """
    limit_s = watchdog_s()
    while limit_s > 0:
        _send(os.environ.get("NOTIFY_SOCKET", ""), {"WATCHDOG": "1"}, 0.0)
        await asyncio.sleep(limit_s / 2)


def watchdog_s() -> float:
    """Return how long this process may be silent, in seconds; 0 when nobody keeps watch."""
    told, whose = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    return int(told) / 1_000_000 if told.isascii() and told.isdigit() and whose in ("", str(os.getpid())) else 0.0


def report_drain(report: dict[str, Any], *, status: str, final: bool) -> None:
    """Say how far a drain has come (`X_AUTIONAL_PROGRESS`), and at its end how it went (`X_AUTIONAL_DRAIN`).

    A listener that is behind misses steps, never the end, which repeats them. Without `$NOTIFY_SOCKET` it goes to
    whoever called `autional drain --self` and listens at `drain_address`.
    """
    text = orjson.dumps(report).decode()
    fields = {"STATUS": status, "X_AUTIONAL_DRAIN" if final else "X_AUTIONAL_PROGRESS": text}
    _send(os.environ.get("NOTIFY_SOCKET") or drain_address(os.getpid()), fields, _ROOM_S if final else 0.0)


def drain_address(pid: int) -> str:
    """Return where a process without a supervisor reports its drain: a name in Linux's abstract namespace."""
    return f"@autional-drain-{pid}"


def _send(address: str, fields: dict[str, str], room_s: float) -> bool:
    """Send one datagram; wait at most `room_s` for a listener whose queue is full (ten messages on many a kernel)."""
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(f"{key}={value}" for key, value in fields.items()).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.settimeout(room_s)  # a listener that never reads must not hold up the drain
            sock.connect(address)
            sock.send(message)
        except OSError:
            return False
    return True
