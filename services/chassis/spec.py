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
    `calls` are services called synchronously: they must be ready before this one is.
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
    publishes: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    resources: tuple[ResourceKind, ...] = ()
    serves_grpc: bool = False
    background: bool = False
