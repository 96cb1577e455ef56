"""Which hosts and origins are answered: those that no page of elsewhere can have (RFC 9110, 7.4).

A page may have its own name resolve to this machine (DNS rebinding); an address cannot be rebound. The services follow
the same rule (`services/chassis/hosts.py`), which is the workspace's and so not imported here.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

LOCAL = "localhost"
HOST = re.compile(r"(\[[0-9a-f:.%]+\]|[^\[\]:/@?#\\\s]+)(?::\d*)?")  # RFC 3986, 3.2


def is_local(header: bytes) -> bool:
    """Tell whether a host, with or without a port, is an address, `localhost` or below it (RFC 6761, 6.3)."""
    written = HOST.fullmatch(header.decode("latin-1").lower())
    if written is None:
        return False
    name = written[1].strip("[]").rstrip(".")
    if name == LOCAL or name.endswith(f".{LOCAL}"):
        return True
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
