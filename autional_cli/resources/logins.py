"""Who logs in to a server that all services share, whichever driver runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from autional_cli.secrets import Secrets
    from services.chassis.spec import ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """The operator of `resource`, and the users of `services`, who are called as they are."""

    resource: str
    host: str = LOOPBACK
    port: int
    services: tuple[str, ...]
    secrets: Secrets = field(repr=False)

    @property
    def passwords(self) -> dict[str, str]:
        """The passwords of the services by name."""
        return {name: self.secrets.password(name, self.resource) for name in self.services}

    def of(self, service: ServiceSpec) -> str:
        """Return the authority of a service's URL; AutionalError (exit 3) when it has nothing of its own there."""
        if service.name not in self.services:
            raise AutionalError(f"{service.name} does not use {self.resource}", exit_code=ExitCode.CONFIGURATION)
        return f"{service.name}:{self.secrets.password(service.name, self.resource)}@{self.host}:{self.port}"

    @property
    def operator(self) -> str:
        """The authority of the operator's URL."""
        return f"{OPERATOR}:{self.secrets.operator}@{self.host}:{self.port}"


class Shared:
    """A server that all of `specs` share: what each driver's base has in common for it."""

    name: str
    port: int
    secrets: Secrets
    specs: tuple[ServiceSpec, ...]

    @property
    def services(self) -> tuple[str, ...]:
        """The services that use it."""
        return tuple(spec.name for spec in self.specs)

    @property
    def logins(self) -> Logins:
        """Who logs in, where a server knows users."""
        return Logins(resource=self.name, port=self.port, services=self.services, secrets=self.secrets)
