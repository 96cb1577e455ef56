"""What a service declares about itself, once.

Standard library only: discovery, the supervisor, the gateway's routes, the checks and the docs read it, and none of
them should pay for importing FastAPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DatabaseKind = Literal["postgres", "mongo", "none"]
ResourceKind = Literal["objects", "mailbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """One business capability and what it needs from the others.

    `port` is the HTTP port in the default block (11000 …); gRPC, where served, listens on `port + 1000`.
    `calls` are services called synchronously: they must be ready before this one is. `invokes` are the operations it
    calls there as itself, which the callee grants to no other caller: `session/Create` for a gRPC method,
    `identity POST /v1/internal/users/{user_id}` for a route that takes a `Peer`.
    `publishes` and `consumes` are CloudEvents types such as `user.created`; the bus decouples them, so they put
    no order on the start. `resources` are needed beside the database, the bus and the cache, which every service gets.
    `background` says that nobody waits for this service: it may run at lower priority.
    `error_codes` is the half-open range of error numbers that `errors.py` of this service may register.
    """

    name: str
    summary: str
    port: int
    error_codes: range
    database: DatabaseKind = "none"
    calls: tuple[str, ...] = ()
    invokes: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    resources: tuple[ResourceKind, ...] = ()
    serves_grpc: bool = False
    background: bool = False

    def __post_init__(self) -> None:
        """Raise `ValueError` for an operation of a service that is not in `calls`."""
        for operation in self.invokes:
            if callee_of(operation) not in self.calls:
                raise ValueError(f"{self.name}: SPEC.invokes has {operation!r}, whose service is not in SPEC.calls")


def callee_of(operation: str) -> str:
    """Return the service of an operation in `SPEC.invokes`."""
    return operation.partition(" ")[0].partition("/")[0]
