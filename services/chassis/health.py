"""`python -m services.chassis health`: what an engine asks a container, without curl in the image.

Healthy is who has once been ready and is alive now. Readiness itself would be the wrong question: an engine kills what
is unhealthy, and killing every replica does not bring a database back.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from services.chassis.container import NoServiceError, http_address

PATH = "/startupz"
ANSWER_S = 3.0


def main() -> int:
    """Return 0 if the service is healthy, else 1 with the reason on stderr."""
    try:
        host, port = http_address()
        connection = HTTPConnection(host, port, timeout=ANSWER_S)
        connection.request("GET", PATH, headers={"Connection": "close"})
        answer = connection.getresponse()
        said = answer.read(200).decode(errors="replace").strip()
    except (OSError, HTTPException, NoServiceError, ImportError) as error:
        sys.stderr.write(f"not healthy: {error!r}\n")
        return 1
    if answer.status != 200:
        sys.stderr.write(f"not healthy: {PATH} answers {answer.status}: {said}\n")
        return 1
    return 0
