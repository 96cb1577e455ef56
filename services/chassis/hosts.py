"""Which host names a server answers to (RFC 9110, 7.4).

A page in a browser may have its own name resolve to this machine (DNS rebinding) and then read what is served here as
if it were its own. Such a request carries that foreign name; an address cannot be rebound, so addresses are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

_LOCAL = "localhost"
_HOST = re.compile(r"(\[[0-9a-f:.%]+\]|[^\[\]:/@?#\\\s]+)(?::\d*)?")  # RFC 3986, 3.2


class Hosts:
    """Addresses, `localhost` with its subdomains (RFC 6761, 6.3), and the names given; compared without the port."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names if name)
        self._known: dict[bytes, bool] = {}

    def serve(self, header: bytes) -> bool:
        """Return whether a request with this `Host` header is answered; without one (HTTP/1.0) it is."""
        found = self._known.get(header)
        if found is None:
            found = not header or self._is_served(header.decode("latin-1").lower())
            if len(self._known) < 64:
                self._known[header] = found
        return found

    def _is_served(self, host: str) -> bool:
        written = _HOST.fullmatch(host)
        if written is None:
            return False
        name = written.group(1).strip("[]").rstrip(".")
        if name == _LOCAL or name.endswith(f".{_LOCAL}") or name in self._names:
            return True
        try:
            ip_address(name.partition("%")[0])
        except ValueError:
            return False
        return True
