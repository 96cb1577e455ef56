"""Servers that somebody else runs: a stack names their URL, and nothing is started for them.

PostgreSQL and MongoDB: the URL is an operator's, and each service gets a database and a role of its own. The others are
used as they are: the URL goes to every service, so what the embedded driver keeps apart by user is not kept apart.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from autional_cli import secrets
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.redaction import learn
from autional_cli.resources import mongo_users, postgres_roles
from autional_cli.resources.logins import Logins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.secrets import Secrets
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "mongodb": 27017, "smtp": 25, "http": 80}
PORTS |= {"https": 443, "s3": 443}
PAUSE_S = 0.1


@dataclass(frozen=True, kw_only=True)
class External:
    """A server elsewhere. `written` is its URL as the stack has it, references to the environment included."""

    name: str
    written: str
    stack: str
    secrets: Secrets = field(repr=False)
    services: tuple[str, ...]
    driver: str = "external"
    version: str = ""
    ports: tuple[int, ...] = ()

    @property
    def url(self) -> str:
        """The URL with what the environment has; AutionalError for a variable that is not set."""
        return REFERENCE.sub(lambda found: quote(self.variable(found[1]), safe=""), self.written)

    def variable(self, name: str) -> str:
        """Return a variable of the environment."""
        value = os.environ.get(name)
        if not value:
            raise AutionalError(
                f"{self.stack}: the url of {self.name} refers to ${{{name}}}, which is not set",
                hint=f"export {name}=…, then start again",
                exit_code=ExitCode.CONFIGURATION,
            )
        learn((value, quote(value, safe="")))
        return value

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or PORTS.get(parts.scheme.partition("+")[0], 443)

    @property
    def logins(self) -> Logins:
        """The users that the services get, where it keeps them apart."""
        host, port = self.endpoint
        return Logins(resource=self.name, host=host, port=port, services=self.services, secrets=self.secrets)

    def inspect(self) -> None:
        """Refuse a URL whose variables are not set."""
        self.url  # noqa: B018 - it raises

    async def prepare(self) -> None:
        """Do nothing: it is somebody else's."""

    def process(self) -> None:
        """Return None: nothing runs here."""
        return

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once somebody listens there."""
        host, port = self.endpoint
        reason: OSError | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    try:
                        _, writer = await asyncio.open_connection(host, port)
                    except OSError as failure:
                        reason = failure
                        await asyncio.sleep(PAUSE_S)
                    else:
                        writer.close()
                        return
        except TimeoutError:
            raise AutionalError(
                f"{self.name} at {host}:{port} did not answer within {timeout_s:g} s ({reason})",
                hint=f"look at the url of {self.name} in {self.stack}",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            ) from None

    async def provision(self) -> None:
        """Give each service a database and a role where the server has such things."""
        host, port = self.endpoint
        parts = urlsplit(self.url)
        login = unquote(parts.username or ""), unquote(parts.password or "")
        learn((login[1], parts.password or ""))
        if self.name == "postgres":
            await postgres_roles.provision(port, *login, self.logins.passwords, host=host, tls=None)
        elif self.name == "mongo":
            await asyncio.to_thread(mongo_users.provision, port, *login, self.logins.passwords, host=host)

    @property
    def keeps_apart(self) -> bool:
        """Whether each service has a database and a role of its own there."""
        return self.name in ("postgres", "mongo")

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's own database, or the one URL that there is."""
        if not self.keeps_apart:
            return self.url
        if self.name == "postgres":
            return postgres_roles.service_url(self.logins, service)
        parts, place = urlsplit(self.url), self.logins.of(service)
        return urlunsplit((parts.scheme, place, f"/{service.name}", parts.query or "authSource=admin", ""))

    @property
    def otlp(self) -> str:
        """Where spans are sent, when this is a Jaeger: the usual port beside its query service."""
        return f"http://{self.endpoint[0]}:4318"

    def admin_url(self) -> str:
        """Return the URL in the stack file."""
        return self.url

    async def remove(self) -> None:
        """Do nothing: its data is somebody else's."""


def resources(instance: Instance, stack: Stack, specs: Iterable[ServiceSpec], names: Iterable[str]) -> list[Resource]:
    """Return the resources `names` as the stack names them."""
    chosen = tuple(specs)
    known = secrets.ensure(instance, (spec.name for spec in chosen))
    place = f"stacks/{stack.path.name}"

    def make(name: str) -> Resource:
        users = tuple(s.name for s in chosen if name in (s.database, "redis", "cache", *s.resources))
        url = stack.entry(name).url or ""
        return External(name=name, written=url, stack=place, secrets=known, services=users)

    return [make(name) for name in names]
