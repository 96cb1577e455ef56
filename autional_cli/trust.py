"""The trust file: whose signature counts inside the platform, and which operations each caller may invoke.

A JWKS (RFC 7517) whose key ids are service names, with the member `invokes` beside `keys`: caller → operations, from
each SPEC. Whoever verifies a token reads both from this one file (`services/chassis/auth.py`).
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.chassis.spec import ServiceSpec


def trust_text(private_keys: Mapping[str, bytes], specs: Iterable[ServiceSpec]) -> str:
    """Return the file for services whose private keys (PEM) are given by name."""
    keys = [public_jwk(name, pem) for name, pem in sorted(private_keys.items())]
    return json.dumps({"keys": keys, "invokes": granted(specs)}, indent=2) + "\n"


def granted(specs: Iterable[ServiceSpec]) -> dict[str, list[str]]:
    """Return the operations that each service may invoke."""
    return {spec.name: sorted(spec.invokes) for spec in sorted(specs, key=lambda spec: spec.name) if spec.invokes}


def says(content: bytes, specs: Iterable[ServiceSpec]) -> bool:
    """Whether a trust file names these services and what they may invoke; false for one that cannot be read."""
    known = list(specs)
    try:
        document = json.loads(content)
        names = {key["kid"] for key in document["keys"]}
        return names == {spec.name for spec in known} and document["invokes"] == granted(known)
    except (ValueError, KeyError, TypeError):
        return False


def public_jwk(name: str, pem: bytes) -> dict[str, Any]:
    """Return the public half of a private key as a JWK for ES256 (RFC 7518 section 6.2)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AutionalError(
            f"the key of {name} is not an EC private key in PEM",
            hint=f"remove the file, a new key is made at the next start: {name}.pem",
            exit_code=ExitCode.CONFIGURATION,
        )
    numbers = key.public_key().public_numbers()
    x, y = (encode(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": name, "x": x, "y": y}


def encode(value: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
