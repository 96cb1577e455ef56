"""What a person asked to have running."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.plan import Topology


@dataclass(frozen=True, kw_only=True)
class Request:
    """Services by name, none for the whole stack. `None` for stack and driver: whatever runs already."""

    services: tuple[str, ...] = ()
    stack: str | None = None
    driver: str | None = None
    replicas: Mapping[str, int] = field(default_factory=dict)  # what `scale` asked for, until the platform is stopped

    @classmethod
    def from_json(cls, message: dict[str, Any]) -> Request:
        """Read the fields of an `up` request."""
        services = message.get("services") or []
        return cls(services=tuple(map(str, services)), stack=message.get("stack"), driver=message.get("driver"))

    def merged_with(self, before: Request | None) -> Request:
        """Return what has to run for both: an `up` adds, it never takes away."""
        if before is None:
            return self
        stack, driver = self.stack or before.stack, self.driver or before.driver
        replicas = {**before.replicas, **self.replicas}
        same_stack = stack == before.stack
        if not self.services or (same_stack and not before.services):
            return Request(stack=stack, driver=driver, replicas=replicas)
        services = tuple(dict.fromkeys((*before.services, *self.services)))
        return Request(services=services, stack=stack, driver=driver, replicas=replicas)


class Source(Protocol):
    """Where the topology comes from: the workspace, or a test."""

    def build(self, request: Request) -> Topology:
        """Return what has to run for `request`. The first call claims the ports. AutionalError for what is wrong."""

    def close(self) -> None:
        """Give the ports back."""
