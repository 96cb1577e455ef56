"""The block of 100 ports of one instance, and the 100 ports 1000 above it for gRPC: who listens where.

+0 … +31 the first replicas of up to 32 services, +50 … +58 resources, +59 the claim, +99 telemetry; further replicas
share the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

DEFAULT_BASE = 11000
SERVICES_PER_BLOCK = 32
FIRST_PORT, LAST_PORT = DEFAULT_BASE, DEFAULT_BASE + SERVICES_PER_BLOCK - 1  # what a SPEC may declare
RESOURCE_OFFSETS = {"postgres": 50, "redis": 51, "cache": 52, "mongo": 53, "mailbox": 54}
RESOURCE_OFFSETS |= {"objects": 55, "jaeger": 56, "jaeger-query": 57, "mailbox-api": 58}  # as containers only
TELEMETRY_OFFSET = 99
EXTRA_OFFSETS = (*range(SERVICES_PER_BLOCK, 50), *range(60, TELEMETRY_OFFSET))  # replicas after a service's first
CLAIM_OFFSET = 59  # nobody listens there: it is bound for as long as the block is claimed
GRPC_OFFSET = 1000


@dataclass(frozen=True, slots=True)
class PortBlock:
    """The ports of one instance, counted from `base`.

    `extras` are the offsets of further replicas by service and number; `arranged_for` fills them in.
    """

    base: int = DEFAULT_BASE
    extras: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def arranged_for(
        self, stack: Stack, specs: Iterable[ServiceSpec], held: Mapping[tuple[str, int], int] | None = None
    ) -> PortBlock:
        """Return this block with a port for every replica of the stack. Raises AutionalError when it has too few.

        Those that are `held` (offsets, as in `extras`) stay where they are, for they may run. Each other one has a
        favourite, so that one service more or less moves no other; only where two want the same does the later one
        take the next that is free.
        """
        by_port = sorted(specs, key=lambda spec: spec.port)
        wanted = [
            (r, s) for s in by_port if s.name in stack.services for r in range(1, stack.services[s.name].replicas)
        ]
        if len(wanted) > len(EXTRA_OFFSETS):
            raise AutionalError(
                f"stack {stack.name} has {len(wanted)} replicas beyond the first ones; a block of ports has room for "
                f"{len(EXTRA_OFFSETS)}",
                hint="lower `replicas` in the stack file",
                exit_code=ExitCode.CONFIGURATION,
            )
        names = {(spec.name, replica) for replica, spec in wanted}
        taken = {EXTRA_OFFSETS.index(at): who for who, at in (held or {}).items() if who in names}
        settled = set(taken.values())
        for replica, spec in sorted(wanted, key=lambda pair: pair[0]):
            if (spec.name, replica) in settled:
                continue
            slot = favourite(spec, replica)
            while slot in taken:
                slot = (slot + 1) % len(EXTRA_OFFSETS)
            taken[slot] = (spec.name, replica)
        return replace(self, extras={who: EXTRA_OFFSETS[slot] for slot, who in taken.items()})

    def http(self, service: ServiceSpec, replica: int = 0) -> int:
        """Return the HTTP port of a replica."""
        if replica == 0:
            return self.base + service.port - DEFAULT_BASE
        offset = self.extras.get((service.name, replica))
        return self.base + (EXTRA_OFFSETS[favourite(service, replica)] if offset is None else offset)

    def grpc(self, service: ServiceSpec, replica: int = 0) -> int:
        """Return the gRPC port of a replica."""
        return self.http(service, replica) + GRPC_OFFSET

    def resource(self, name: str) -> int:
        """Return the port of a resource such as `postgres`."""
        return self.base + RESOURCE_OFFSETS[name]

    @property
    def telemetry(self) -> int:
        """The port of OTLP, the trace API and the dashboard."""
        return self.base + TELEMETRY_OFFSET

    def needed(self, specs: Iterable[ServiceSpec] | None = None) -> Iterator[int]:
        """Yield the ports that the platform listens on with `specs`; with None, all that it could."""
        yield from (self.base + offset for offset in RESOURCE_OFFSETS.values())
        yield self.telemetry
        if specs is None:
            yield from range(self.base, self.base + SERVICES_PER_BLOCK)
            yield from range(self.base + GRPC_OFFSET, self.base + GRPC_OFFSET + SERVICES_PER_BLOCK)
        for spec in specs or ():
            yield self.http(spec)
            if spec.serves_grpc:
                yield self.grpc(spec)


def favourite(service: ServiceSpec, replica: int) -> int:
    """Return which of EXTRA_OFFSETS a further replica takes if it can; second replicas never want the same."""
    return (service.port - DEFAULT_BASE + (replica - 1) * SERVICES_PER_BLOCK) % len(EXTRA_OFFSETS)
