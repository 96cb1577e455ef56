"""Whose address a request has: nobody can choose it by a header, except proxies that the operator trusts."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest

from services.gateway.options import GatewayOptions
from services.gateway.origin import client_address

TRUSTED: list[IPv4Network | IPv6Network] = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a client that pretends to be somebody else
        ("10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "198.51.100.1, 10.2.2.2", "198.51.100.1"),  # two proxies
        ("10.1.1.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote the left one
        ("10.1.1.1", "6.6.6.6, nonsense", "10.1.1.1"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", "10.3.3.3", "10.3.3.3"),
        ("fd00::1", "2001:db8::5", "2001:db8::5"),
        ("", "198.51.100.1", ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, header: str, client: str) -> None:
    assert client_address(peer, {b"x-forwarded-for": header.encode()}, TRUSTED) == client


def test_by_default_nobody_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert client_address("10.1.1.1", {b"x-forwarded-for": b"6.6.6.6"}, GatewayOptions().trusted_proxies) == "10.1.1.1"
    monkeypatch.setenv("AUTIONAL_GATEWAY_TRUSTED_PROXIES", '["10.0.0.0/8"]')
    assert client_address("10.1.1.1", {b"x-forwarded-for": b"6.6.6.6"}, GatewayOptions().trusted_proxies) == "6.6.6.6"
