"""Network addresses: under which one the others reach this replica, and which ones belong to one client."""

from __future__ import annotations

import ipaddress
import socket

from services.chassis.container import is_every_address
from services.chassis.settings import Settings

_IPV6_PREFIX = 64


class AddressError(Exception):
    """Others would not find this replica; the text says what to set."""


def advertised(settings: Settings) -> str:
    """Return host name or address for the registry, as it is written in a URL.

    `AUTIONAL_ADVERTISE_HOST` if given; else what the service binds; else, when it binds every address, the one that
    this host has under its own name, as containers do. Raises AddressError when that is only the loopback.
    """
    host = settings.advertise_host or settings.host
    return bracketed(own_address() if is_every_address(host) else host)


def own_address() -> str:
    """Return the first address of this host's own name that is not a loopback one."""
    name = socket.gethostname()
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise AddressError(f"AUTIONAL_ADVERTISE_HOST is not set, and {name!r} has no address: {error}") from error
    for address in found:
        if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            return address
    raise AddressError(
        f"AUTIONAL_ADVERTISE_HOST is not set, and {name!r} is {', '.join(found)}: where should others reach it?"
    )


def bracketed(host: str) -> str:
    """Return an IPv6 address in brackets, anything else as it is (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 one; anything else as it is.

    A customer is given 64 bits at least (RFC 6177): which address it uses within them is its own choice.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)
