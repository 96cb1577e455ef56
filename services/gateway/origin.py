"""Where a request comes from: the peer, or what proxies that the operator trusts say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

HEADER = b"x-forwarded-for"
_LONGEST = 1024  # a longer list is nobody's honest chain of proxies

Network = IPv4Network | IPv6Network


def client_address(peer: str, headers: Mapping[bytes, bytes], trusted: Sequence[Network]) -> str:
    """Return the address of the client.

    `X-Forwarded-For` counts only when the peer is a trusted proxy, and is read from the right: each proxy appends whom
    it was called by, so the first that is not trusted is the client; left of it stands what anybody may have written.
    """
    if not trusted or not _is_trusted(peer, trusted):
        return peer
    found = peer
    for part in reversed(headers.get(HEADER, b"")[-_LONGEST:].decode("latin-1").split(",")):
        address = part.strip()
        if not _is_address(address):
            break
        found = address
        if not _is_trusted(address, trusted):
            break
    return found


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
