"""A stack as it runs in production, said without any engine's words: pure functions of SPECs and the stack.

What a service is told is what `autional_cli/environment.py` tells it on this machine; only where it listens, and where
secrets come from, is different. Nothing here reads the secrets of an instance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from autional_cli.environment import COMMON_URLS, DECLARED_URLS
from autional_cli.errors import AutionalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

EDGE = "gateway"
USER = 10001  # of the image
SECRETS_DIR = "/run/secrets"
TRUST_FILE = "/etc/autional/trust.json"
SCHEMA_WAIT_S = 240
SHUTDOWN_S = 30
GRACE_S = SHUTDOWN_S + 15  # the engine's own limit comes after ours: hook, drain, telemetry, the end of the process
LAME_DUCK_S = 5
REPLICAS = 2  # at least: one alone cannot be rolled or lose its node without being missed
MORE_REPLICAS = 4  # times as many under load
VARIABLES = {  # resource → variable that carries its URL; databases have one variable for all kinds
    **COMMON_URLS,
    **DECLARED_URLS,
    "postgres": "AUTIONAL_DATABASE_URL",
    "mongo": "AUTIONAL_DATABASE_URL",
}
EXAMPLES = {  # what a URL looks like, and so on which port the resource listens
    "postgres": "postgresql+asyncpg://{name}:{password}@postgres.example.internal:5432/{name}",
    "mongo": "mongodb://{name}:{password}@mongo.example.internal:27017/{name}?authSource={name}",
    "redis": "redis://{name}:{password}@redis.example.internal:6379/0",
    "cache": "redis://{name}:{password}@cache.example.internal:6379/0",
    "mailbox": "smtps://{name}:{password}@smtp.example.internal:465",
    "objects": "s3://BUCKET",
}
PORTS = {"postgres": (5432,), "mongo": (27017,), "redis": (6379,), "cache": (6379,), "mailbox": (25, 465, 587)}
HTTPS = (443,)
TELEMETRY_PORTS = (4318,)
PLACEHOLDER = "PASSWORD"
LONGEST_LABEL = 63
EVERY_ADDRESS = IPv4Address(0)  # of a network of its own, which a container has; nowhere else
REFERENCE = re.compile(r"[a-z0-9]+(?:[._/:-][a-zA-Z0-9._-]+)*(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a service: a file of this name, and the variable that says where it is."""

    name: str
    variable: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One service. `callers` and `callees` are services; `backends` are resources; memory is in MiB."""

    name: str
    summary: str
    http_port: int
    grpc_port: int | None
    replicas: int
    most_replicas: int
    migrates: bool
    callers: tuple[str, ...]
    callees: tuple[str, ...]
    backends: tuple[str, ...]
    secrets: tuple[Secret, ...]
    variables: Mapping[str, str]
    component: str
    cpu_m: int = 100
    memory_mb: int = 160
    most_memory_mb: int = 384

    @property
    def is_edge(self) -> bool:
        """Whether requests from outside come in here."""
        return self.name == EDGE

    @property
    def database_secret(self) -> Secret:
        """The secret that a migration needs, and no other."""
        return next(secret for secret in self.secrets if secret.name == "database_url")

    @property
    def ports(self) -> dict[str, int]:
        """Where it listens, by name."""
        return {"http": self.http_port} | ({"grpc": self.grpc_port} if self.grpc_port else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """All services of a stack. `variables` are what all of them are told and an operator adapts."""

    stack: str
    name: str
    image: str
    units: tuple[Unit, ...]
    variables: Mapping[str, str]

    @property
    def version(self) -> str:
        """The image's tag, or the beginning of its digest, as a label may carry it."""
        return version_of(self.image)[:LONGEST_LABEL].rstrip("._-")


def deployment(specs: Mapping[str, ServiceSpec], stack: Stack, *, image: str, name: str) -> Deployment:
    """Return the deployment of a stack; AutionalError (exit 2) for an image that names no fixed version."""
    version_of(image)
    chosen = {key: specs[key] for key in specs if key in stack.services}
    units = tuple(unit(spec, stack, chosen) for spec in chosen.values())
    return Deployment(stack=stack.name, name=name, image=image, units=units, variables=shared_variables())


def shared_variables() -> dict[str, str]:
    """Return what every service is told; addresses are examples."""
    return {
        "AUTIONAL_PUBLIC_URL": "https://autional.example.com",
        "AUTIONAL_MAIL_FROM": "Autional <no-reply@example.com>",
        "AUTIONAL_OTLP_ENDPOINT": "",
        "AUTIONAL_LOG_LEVEL": "INFO",
        "AUTIONAL_HOST": str(EVERY_ADDRESS),
        "AUTIONAL_LAME_DUCK_S": str(LAME_DUCK_S),
        "AUTIONAL_SHUTDOWN_TIMEOUT_S": str(SHUTDOWN_S),
        "AUTIONAL_SCHEMA_WAIT_S": str(SCHEMA_WAIT_S),
    }


def unit(spec: ServiceSpec, stack: Stack, chosen: Mapping[str, ServiceSpec]) -> Unit:
    """Return one service; only services of the stack count as callers and callees."""
    entry = stack.services[spec.name]
    replicas = max(REPLICAS, entry.replicas)
    backends = [*COMMON_URLS, *([spec.database] if spec.database != "none" else []), *spec.resources]
    secrets = secrets_of(spec, backends)
    return Unit(
        name=spec.name,
        summary=spec.summary,
        http_port=spec.port,
        grpc_port=spec.port + 1000 if spec.serves_grpc else None,
        replicas=replicas,
        most_replicas=replicas * MORE_REPLICAS,
        migrates=spec.database == "postgres",
        callers=tuple(sorted(other for other in chosen if spec.name in calls(chosen[other], chosen))),
        callees=tuple(sorted(calls(spec, chosen))),
        backends=tuple(backends),
        secrets=secrets,
        variables={
            "AUTIONAL_SERVICE": spec.name,
            "AUTIONAL_HTTP_PORT": str(spec.port),
            **{secret.variable: f"{SECRETS_DIR}/{secret.name}" for secret in secrets},
            "AUTIONAL_TRUST_FILE": TRUST_FILE,
            **entry.env,
        },
        component="edge" if spec.name == EDGE else "worker" if spec.background else "service",
        cpu_m=200 if spec.name == EDGE else 100,
    )


def calls(spec: ServiceSpec, chosen: Mapping[str, ServiceSpec]) -> set[str]:
    """Return the services that one may call: those it declares, and for the gateway all it routes to."""
    return (set(chosen) if spec.name == EDGE else set(spec.calls).intersection(chosen)) - {spec.name}


def secrets_of(spec: ServiceSpec, backends: list[str]) -> tuple[Secret, ...]:
    """Return the secrets of a service: the URLs with its passwords, its sealing key, its signing key."""
    urls = [
        Secret(
            variable.removeprefix("AUTIONAL_").lower(),
            f"{variable}_FILE",
            EXAMPLES[name].format(name=spec.name, password=PLACEHOLDER),
        )
        for name in backends
        for variable in (VARIABLES[name],)
    ]
    sealing = Secret("secret", "AUTIONAL_SECRET_FILE", "32 random bytes as base64url, from: autional export keys")
    signing = Secret("private_key", "AUTIONAL_PRIVATE_KEY_FILE", "an EC P-256 key as PEM, from: autional export keys")
    return (*urls, sealing, signing)


def version_of(image: str) -> str:
    """Return tag or digest of an image; AutionalError for one whose meaning changes by itself."""
    if not REFERENCE.fullmatch(image):
        raise AutionalError(f"{image!r} is not the name of an image", hint="--image registry.example/autional:1.4.0")
    if "@sha256:" in image:
        return image.rpartition("@sha256:")[2][:12]
    tag = image.rpartition("/")[2].partition(":")[2]
    if tag in ("", "latest"):
        raise AutionalError(
            f"{image!r} has no fixed version: nobody could say what runs, or roll back to it",
            hint=f"--image {image.removesuffix(':latest')}:1.4.0, or a digest",
        )
    return tag
