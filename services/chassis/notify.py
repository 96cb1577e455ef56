"""The systemd notification protocol (sd_notify(3)): how a process says that it is ready or stopping."""

from __future__ import annotations

import os
import socket


def notify(**fields: str) -> bool:
    """Send `READY="1"`, `STATUS="…"`, … to `$NOTIFY_SOCKET`; false if nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(f"{key}={value}" for key, value in fields.items()).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.send(message)
        except OSError:
            return False
    return True
