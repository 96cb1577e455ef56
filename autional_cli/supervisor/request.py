"""What a person asked to have running."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.plan import Topology


@dataclass(frozen=True, kw_only=True)
class Request:
    """Services by name, none for the whole stack. `None` for stack, driver and image: whatever runs already.

    `asked` are those that this request names, none for all: nothing else is started. `image` is what services are
    containers of; empty: forked processes.
    """

    services: tuple[str, ...] = ()
    stack: str | None = None
    driver: str | None = None
    image: str | None = None
    asked: tuple[str, ...] = ()
    replicas: Mapping[str, int] = field(default_factory=dict)  # what `scale` asked for, until the platform is stopped

    @classmethod
    def from_json(cls, message: dict[str, Any]) -> Request:
        """Read the fields of an `up` request."""
        services = tuple(map(str, message.get("services") or []))
        stack, driver, image = (message.get(name) for name in ("stack", "driver", "image"))
        return cls(services=services, asked=services, stack=stack, driver=driver, image=image)

    def merged_with(self, before: Request | None) -> Request:
        """Return what has to run for both: an `up` adds, it never takes away."""
        if before is None:
            return self
        stack, driver = self.stack or before.stack, self.driver or before.driver
        both = Request(
            stack=stack,
            driver=driver,
            image=before.image if self.image is None else self.image,
            asked=self.asked,
            replicas={**before.replicas, **self.replicas},
        )
        same_stack = stack == before.stack
        if not self.services or (same_stack and not before.services):
            return both
        return replace(both, services=tuple(dict.fromkeys((*before.services, *self.services))))


class Source(Protocol):
    """Where the topology comes from: the workspace, or a test."""

    def build(self, request: Request) -> Topology:
        """Return what has to run for `request`. The first call claims the ports. AutionalError for what is wrong."""

    def close(self) -> None:
        """Give the ports back."""
