"""The secrets of one instance, generated once: passwords, sealing keys and the services' signing keys.

They survive `down`, since the databases on disk know the same passwords.
"""

from __future__ import annotations

import base64
import json
import secrets as random
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from autional_cli.instance import Instance

RESOURCES = ("postgres", "redis", "cache", "mongo")
SEALING = "sealing"
OPERATOR = "autional"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """The operator's password; for each service a password per resource and a sealing key (base64url, 32 bytes)."""

    operator: str
    services: Mapping[str, Mapping[str, str]]

    def __repr__(self) -> str:
        return f"Secrets(services={sorted(self.services)})"  # a traceback or a log line must not show them

    def password(self, service: str, resource: str) -> str:
        """Return the password of a service at a resource."""
        return self.services[service][resource]

    def sealing(self, service: str) -> str:
        """Return the key with which a service seals what it stores."""
        return self.services[service][SEALING]


def read(instance: Instance) -> Secrets | None:
    """Return the secrets, or None before the first `up`; AutionalError when they are exposed or broken."""
    path = instance.secrets_file
    try:
        refuse_exposed(path)
        stored = json.loads(path.read_bytes())
        return Secrets(stored["operator"], {name: dict(values) for name, values in stored["services"].items()})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise AutionalError(
            f"{path} is not readable as secrets of an instance ({type(failure).__name__})",
            hint=f"restore the file, or start over without its data: rm -r {instance.home}",
            exit_code=ExitCode.CONFIGURATION,
        ) from failure


def ensure(instance: Instance, services: Iterable[str]) -> Secrets:
    """Return the secrets, generating what is missing. Only the holder of the instance's lock may call it."""
    known = read(instance) or Secrets(generate(), {})
    merged: dict[str, Mapping[str, str]] = dict(known.services)
    for name in services:
        merged[name] = {**{kind: generate() for kind in (*RESOURCES, SEALING)}, **merged.get(name, {})}
    complete = Secrets(known.operator, merged)
    if complete != known or not instance.secrets_file.exists():
        document = {"version": 1, "operator": complete.operator, "services": complete.services}
        write_private(instance.secrets_file, json.dumps(document, indent=2) + "\n")
    return complete


def ensure_keys(instance: Instance, services: Iterable[str]) -> None:
    """Create `keys/<service>.pem` (EC P-256, PKCS 8) where missing, and `keys/trust.json`, the JWKS of all public keys.

    The key id is the service's name (RFC 7517 section 4.5).
    """
    names = tuple(services)
    for name in names:
        path = key_file(instance, name)
        if path.exists():
            refuse_exposed(path)
        else:
            write_private(path, new_key())
    trusted = trusted_names(instance)
    if not trusted.issuperset(names):
        everyone = sorted(path.stem for path in instance.keys_dir.glob("*.pem"))
        keys = [public_jwk(name, key_file(instance, name).read_bytes()) for name in everyone]
        write_private(trust_file(instance), json.dumps({"keys": keys}, indent=2) + "\n")


def key_file(instance: Instance, service: str) -> Path:
    """Return the path of a service's private key."""
    return instance.keys_dir / f"{service}.pem"


def trust_file(instance: Instance) -> Path:
    """Return the path of the JWKS with every service's public key."""
    return instance.keys_dir / "trust.json"


def trusted_names(instance: Instance) -> set[str]:
    """Return the services whose public keys are in the trust file."""
    try:
        return {key["kid"] for key in json.loads(trust_file(instance).read_bytes())["keys"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()  # it is derived from the private keys, so it can always be made again


def new_key() -> str:
    """Return a new EC P-256 private key as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode("ascii")


def public_jwk(name: str, pem: bytes) -> dict[str, Any]:
    """Return the public half of a private key as a JWK for ES256 (RFC 7518 section 6.2)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AutionalError(f"the key of {name} is not an EC key", exit_code=ExitCode.CONFIGURATION)
    numbers = key.public_key().public_numbers()
    x, y = (encode(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": name, "x": x, "y": y}


def generate() -> str:
    """Return 32 random bytes as base64url; safe inside a URL as they are."""
    return encode(random.token_bytes(SECRET_BYTES))


def encode(value: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def refuse_exposed(path: Path) -> None:
    """Raise AutionalError when others than the owner may read a file of secrets."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise AutionalError(
            f"{path} holds secrets but others may read it (mode {mode:04o})",
            hint=f"chmod 600 {path}",
            exit_code=ExitCode.CONFIGURATION,
        )
