"""The resources of a platform, each from the driver that the stack chose for it. Drivers are imported when chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.workspace.model import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec


def resources(instance: Instance, stack: Stack, specs: Iterable[ServiceSpec]) -> list[Resource]:
    """Return what `specs` stand on, in the order of RESOURCES."""
    chosen = tuple(specs)
    by_driver: dict[str, list[str]] = {}
    for name in needed(stack, chosen):
        by_driver.setdefault(stack.driver_of(name), []).append(name)
    found: list[Resource] = []
    if "embedded" in by_driver:
        from autional_cli.drivers import embedded

        found += [r for r in embedded.resources(instance, stack, chosen) if r.name in by_driver["embedded"]]
    if "docker" in by_driver:
        from autional_cli.drivers.docker import driver

        found += driver.resources(instance, stack, chosen, by_driver["docker"])
    if "external" in by_driver:
        from autional_cli.drivers import external

        found += external.resources(instance, stack, chosen, by_driver["external"])
    return sorted(found, key=lambda resource: RESOURCES.index(resource.name))


def needed(stack: Stack, specs: Iterable[ServiceSpec]) -> list[str]:
    """Return the names of what is needed: bus and cache always, the rest where a service declares it.

    Traces go to a Jaeger unless they are kept by the platform itself, which is the way of the embedded driver.
    """
    chosen = tuple(specs)
    names = {"redis", "cache", *(spec.database for spec in chosen), *(name for s in chosen for name in s.resources)}
    if stack.driver_of("jaeger") != "embedded":
        names.add("jaeger")
    return [name for name in RESOURCES if name in names]
