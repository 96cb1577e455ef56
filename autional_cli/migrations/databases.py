"""The databases of an instance: which services have one, and how the command line reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.topology import reachable_resources
from autional_cli.workspace.discover import discover
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from services.chassis.spec import ServiceSpec


def databases(instance: Instance, services: list[str] | None = None) -> list[tuple[str, str]]:
    """Return name and URL of each wanted service with a PostgreSQL database; none wanted means all.

    Raises AutionalError for a service that has none.
    """
    known = [spec.name for spec in discover(instance.root).values() if spec.database == "postgres"]
    for name in services or ():
        if name not in known:
            raise _without(name, "PostgreSQL database", known)
    found = {spec.name: url for spec, url in with_database(instance) if spec.database == "postgres"}
    for name in services or ():
        if name not in found:
            raise _without(name, "PostgreSQL database", found)
    return [(name, url) for name, url in found.items() if not services or name in services]


def with_database(
    instance: Instance, services: list[str] | None = None, *, reachable: bool = True
) -> list[tuple[ServiceSpec, str]]:
    """Return spec and URL of each wanted service that has a database of any kind; none wanted means all.

    `reachable=False` leaves the URLs empty and asks for no instance. Raises AutionalError for a service without one.
    """
    specs = {spec.name: spec for spec in discover(instance.root).values() if spec.database != "none"}
    for name in services or ():
        if name not in specs:
            raise _without(name, "database", specs)
    urls = _urls(instance, specs.values()) if reachable else dict.fromkeys(specs, "")
    for name in services or ():
        if name not in urls:
            raise _without(name, "database", urls)
    return [(specs[name], url) for name, url in urls.items() if not services or name in services]


def operator_url(instance: Instance) -> str:
    """Return the operator's URL of the PostgreSQL server: for scratch databases, never for a service's own."""
    return str(_postgres(instance).admin_url())


def _postgres(instance: Instance) -> Resource:
    found = next((resource for resource in reachable_resources(instance) if resource.name == "postgres"), None)
    if found is None:
        raise AutionalError("the stack has no PostgreSQL server", hint="autional up", exit_code=ExitCode.USAGE)
    return found


def _urls(instance: Instance, specs: Iterable[ServiceSpec]) -> dict[str, str]:
    """Return the URL of each service that the instance's stack gives a database."""
    served = {resource.name: resource for resource in reachable_resources(instance)}
    stood = [(spec, served.get(spec.database)) for spec in specs]
    return {
        spec.name: r.url_for(spec) for spec, r in stood if r is not None and spec.name in getattr(r, "services", ())
    }


def _without(name: str, what: str, known: Iterable[str]) -> AutionalError:
    names = list(known)
    return AutionalError(
        f"{name!r} has no {what}{suggest(name, names)}",
        hint=f"services that have one: {', '.join(names)}",
        exit_code=ExitCode.USAGE,
    )


def database_url(instance: Instance, service: str, *, operator: bool = False) -> str:
    """Return the URL of a service's database, whichever kind it is, as that service or with the operator's login.

    Raises AutionalError if it has none.
    """
    specs = discover(instance.root)
    spec = specs.get(service)
    with_one = [name for name, known in specs.items() if known.database != "none"]
    if spec is None or service not in with_one:
        raise _without(service, "database", with_one)
    resource = next((r for r in reachable_resources(instance) if r.name == spec.database), None)
    if resource is None:
        raise _without(service, "database", with_one)
    own = resource.url_for(spec)
    if not operator:
        return own
    login = urlsplit(resource.admin_url())
    query = login.query or urlsplit(own).query
    return urlunsplit((login.scheme, login.netloc, urlsplit(own).path, query, ""))
