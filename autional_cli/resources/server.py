"""What all servers of the embedded driver have in common; each says what its program is and when it is ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autional_cli.resources.logins import Shared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autional_cli.secrets import Secrets
    from autional_cli.workspace.model import Setting
    from services.chassis.spec import ServiceSpec


@dataclass(frozen=True, kw_only=True)
class Server(Shared):
    """One server that all of `specs` share. `settings` are the stack's."""

    name: str
    data_dir: Path
    log: Path
    port: int
    secrets: Secrets = field(repr=False)
    specs: tuple[ServiceSpec, ...]
    settings: Mapping[str, Setting]
    driver: str = "embedded"

    @property
    def ports(self) -> tuple[int, ...]:
        """The one loopback port."""
        return (self.port,)
