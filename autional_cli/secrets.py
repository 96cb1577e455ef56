"""The secrets of one instance, generated once: passwords, sealing keys and the services' signing keys.

They survive `down`, since the databases on disk know the same passwords.
"""

from __future__ import annotations

import json
import secrets as random
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli import redaction, trust
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from autional_cli.instance import Instance
    from services.chassis.spec import ServiceSpec

RESOURCES = ("postgres", "redis", "cache", "mongo", "objects")
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

    @property
    def values(self) -> list[str]:
        """All that nobody else may read."""
        return [self.operator, *(value for own in self.services.values() for value in own.values())]

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
        known = Secrets(stored["operator"], {name: dict(values) for name, values in stored["services"].items()})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise AutionalError(
            f"{path} is not readable as secrets of an instance ({type(failure).__name__})",
            hint=f"restore the file, or start over without its data: rm -r {instance.home}",
            exit_code=ExitCode.CONFIGURATION,
        ) from failure
    redaction.learn(known.values)
    return known


def ensure(instance: Instance, services: Iterable[str]) -> Secrets:
    """Return the secrets, generating what is missing. Only the holder of the instance's lock may call it."""
    known = read(instance) or Secrets(generate(), {})
    merged: dict[str, Mapping[str, str]] = dict(known.services)
    for name in services:
        merged[name] = {**{kind: generate() for kind in (*RESOURCES, SEALING)}, **merged.get(name, {})}
    complete = Secrets(known.operator, merged)
    redaction.learn(complete.values)
    if complete != known or not instance.secrets_file.exists():
        document = {"version": 1, "operator": complete.operator, "services": complete.services}
        write_private(instance.secrets_file, json.dumps(document, indent=2) + "\n")
    return complete


def refuse_lost(instance: Instance) -> None:
    """Raise AutionalError (exit 3) when the secrets are gone and the data that needs them is there.

    New ones would open the databases again, but not what services have sealed in them.
    """
    kept = sorted(path.parent.name for path in instance.data_dir.glob("*/autional.json"))
    if kept and not instance.secrets_file.exists():
        raise AutionalError(
            f"{instance.secrets_file} is gone, and the data of {', '.join(kept)} was made with what it held",
            hint="restore the file, or start over without the data: autional down --volumes",
            exit_code=ExitCode.CONFIGURATION,
        )


def ensure_keys(instance: Instance, specs: Iterable[ServiceSpec]) -> None:
    """Create `keys/<service>.pem` (EC P-256, PKCS 8) where missing, and the trust file where it says something else.

    A service that is not among `specs` is trusted no longer. Running services read the file anew.
    """
    known = list(specs)
    paths = {spec.name: key_file(instance, spec.name) for spec in known}
    for path in paths.values():
        if path.exists():
            refuse_exposed(path)
        else:
            write_private(path, new_key())
    if not _is_current(trust_file(instance), known, paths.values()):
        private_keys = {name: path.read_bytes() for name, path in paths.items()}
        write_private(trust_file(instance), trust.trust_text(private_keys, known))


def _is_current(path: Path, specs: list[ServiceSpec], keys: Iterable[Path]) -> bool:
    """Whether the trust file is younger than every key and says what `specs` say; without importing cryptography."""
    try:
        made_at = path.stat().st_mtime_ns
        return trust.says(path.read_bytes(), specs) and all(key.stat().st_mtime_ns <= made_at for key in keys)
    except OSError:
        return False


def key_file(instance: Instance, service: str) -> Path:
    """Return the path of a service's private key."""
    return instance.keys_dir / f"{service}.pem"


def trust_file(instance: Instance) -> Path:
    """Return the path of the JWKS with every service's public key."""
    return instance.keys_dir / "trust.json"


def new_key() -> str:
    """Return a new EC P-256 private key as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode("ascii")


def generate() -> str:
    """Return 32 random bytes as base64url; safe inside a URL as they are."""
    return trust.encode(random.token_bytes(SECRET_BYTES))


def refuse_exposed(path: Path) -> None:
    """Raise AutionalError when others than the owner may read a file of secrets."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise AutionalError(
            f"{path} holds secrets but others may read it (mode {mode:04o})",
            hint=f"chmod 600 {path}",
            exit_code=ExitCode.CONFIGURATION,
        )
