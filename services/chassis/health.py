"""`python -m services.chassis health`: what an engine asks a container, without curl in the image.

Healthy is who has once been ready and is alive now. Readiness itself would be the wrong question: an engine kills what
is unhealthy, and killing every replica does not bring a database back. It is asked every few seconds in each container,
so it speaks HTTP by hand: importing a client would take twice the time of all the rest.
"""

from __future__ import annotations

import socket
import sys

from services.chassis.container import NoServiceError, http_address

PATH = "/startupz"
ANSWER_S = 3.0
_ENOUGH = 4096


def main() -> int:
    """Return 0 if the service is healthy, else 1 with the reason on stderr."""
    try:
        answer = ask(*http_address())
    except (OSError, NoServiceError, ImportError) as error:
        sys.stderr.write(f"not healthy: {error!r}\n")
        return 1
    status = answer.partition("\r\n")[0]
    if " 200 " not in status:
        sys.stderr.write(f"not healthy: {PATH} answers {status!r}\n")
        return 1
    return 0


def ask(host: str, port: int) -> str:
    """Return the beginning of the answer."""
    with socket.create_connection((host, port), timeout=ANSWER_S) as connection:
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return connection.recv(_ENOUGH).decode(errors="replace")
