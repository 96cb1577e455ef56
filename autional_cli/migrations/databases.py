"""The databases of an instance: which services have one, and how the command line reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.topology import all_resources
from autional_cli.workspace.discover import discover
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from autional_cli.instance import Instance


def databases(instance: Instance, services: list[str] | None = None) -> list[tuple[str, str]]:
    """Return name and URL of each wanted service with a PostgreSQL database; none wanted means all.

    Raises AutionalError for a service that has none.
    """
    specs = discover(instance.root)
    postgres = next((resource for resource in all_resources(instance) if resource.name == "postgres"), None)
    found: dict[str, str] = {}
    for spec in specs.values():
        if spec.database == "postgres" and postgres is not None:
            found[spec.name] = postgres.url_for(spec)
    for name in services or ():
        if name not in found:
            raise AutionalError(
                f"{name!r} has no PostgreSQL database{suggest(name, found)}",
                hint=f"services that have one: {', '.join(found)}",
                exit_code=ExitCode.USAGE,
            )
    return [(name, url) for name, url in found.items() if not services or name in services]


def database_url(instance: Instance, service: str) -> str:
    """Return the URL of a service's database, whichever kind it is. Raises AutionalError if it has none."""
    specs = discover(instance.root)
    spec = specs.get(service)
    resource = next((r for r in all_resources(instance) if spec is not None and r.name == spec.database), None)
    if spec is None or resource is None:
        with_one = [name for name, known in specs.items() if known.database != "none"]
        raise AutionalError(
            f"{service!r} has no database{suggest(service, with_one)}",
            hint=f"services that have one: {', '.join(with_one)}",
            exit_code=ExitCode.USAGE,
        )
    return resource.url_for(spec)
