"""Who is at the other end of a unix socket, as the kernel knows it."""

from __future__ import annotations

import socket
import struct
import sys
from typing import NamedTuple


class Peer(NamedTuple):
    """A user id, and a process id where the system tells it (Linux), else 0; of who listens for who connected."""

    uid: int
    pid: int


def peer(connection: socket.socket) -> Peer:
    """Return the other end of a connected unix socket."""
    if sys.platform == "linux":
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return Peer(uid, pid)
    local_peercred = 0x001  # <sys/un.h>; struct xucred begins with its version and the effective uid
    credentials = connection.getsockopt(0, local_peercred, struct.calcsize("2I64x"))
    return Peer(int(struct.unpack_from("2I", credentials)[1]), 0)
