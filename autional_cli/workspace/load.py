"""Stack files to `Stack`: what is wrong in one is reported as `stacks/x.yaml:12:3: …`, with a suggestion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.workspace import graph, source
from autional_cli.workspace.model import (
    DRIVERS,
    RESOURCE_DRIVERS,
    RESOURCES,
    SCHEMES,
    Driver,
    ResourceEntry,
    ServiceEntry,
    Stack,
    StackFile,
    TelemetryEntry,
)

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.workspace.source import Source
    from services.chassis.spec import ServiceSpec

Entry = TypeVar("Entry", ServiceEntry, ResourceEntry, TelemetryEntry)

DEFAULT_STACK = "full"
FOLDER = "stacks"
# path in the file (with * for any name) → the keys that are possible there
FIELDS: Mapping[tuple[str, ...], Collection[str]] = {
    (): StackFile.model_fields,
    ("services", "*"): ServiceEntry.model_fields,
    ("resources", "*"): ResourceEntry.model_fields,
    ("telemetry",): TelemetryEntry.model_fields,
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a chain of `extends`, with the places of what it says."""

    path: Path
    source: Source
    file: StackFile


def load_stack(root: Path, name: str, services: Mapping[str, ServiceSpec]) -> Stack:
    """Return the stack `stacks/<name>.yaml` with everything it extends.

    `services` are those that exist. Raises AutionalError (exit 3) with file, line and column.
    """
    layers = read_chain(root, name, services)
    stack = merge(name, layers)
    check_needs(stack, layers, services)
    check_resources(stack, layers)
    return stack


def stack_names(root: Path) -> tuple[str, ...]:
    """Return the stacks of a workspace by name."""
    return tuple(sorted(path.stem for path in (root / FOLDER).glob("*.yaml")))


def read_chain(root: Path, name: str, services: Collection[str]) -> list[Layer]:
    """Return the named stack's file after all that it extends, the most basic one first."""
    if name not in stack_names(root):
        raise AutionalError(
            f"there is no stack {name!r} in {root / FOLDER}{source.suggest(name, stack_names(root))}",
            hint="autional up --stack NAME",
            exit_code=ExitCode.CONFIGURATION,
        )
    layers: list[Layer] = []
    wanted: str | None = name
    while wanted is not None:
        path = root / FOLDER / f"{wanted}.yaml"
        layer = read_layer(path, services)
        layers.append(layer)
        wanted = layer.file.extends
        if wanted is None:
            break
        trail = [each.path.stem for each in layers]
        if wanted in trail:
            cycle = " → ".join((*trail[trail.index(wanted) :], wanted))
            raise layer.source.error(("extends",), f"extends in a circle: {cycle}")
        if wanted not in stack_names(root):
            known = set(stack_names(root)) - set(trail)
            raise layer.source.error(("extends",), f"unknown stack {wanted!r}{source.suggest(wanted, known)}")
    return layers[::-1]


def read_layer(path: Path, services: Collection[str]) -> Layer:
    """Read and validate one file."""
    found = source.read(path, f"{FOLDER}/{path.name}")
    if not isinstance(found.value, dict):
        raise found.error((), "a stack is a mapping that begins with 'version: 1'")
    try:
        file = StackFile.model_validate(found.value)
    except ValidationError as failure:
        problems = sorted((problem(found, dict(error)) for error in failure.errors()), key=place)
        raise AutionalError(
            "\n".join(dict.fromkeys(each.message for each in problems)), exit_code=ExitCode.CONFIGURATION
        ) from None
    for name in file.services:
        refuse_unknown(found, ("services", name), "service", services)
    for name in file.resources:
        refuse_unknown(found, ("resources", name), "resource", RESOURCES)
    return Layer(path, found, file)


def refuse_unknown(found: Source, path: tuple[str, str], kind: str, known: Collection[str]) -> None:
    """Raise when the key at `path` names nothing that exists."""
    if path[1] not in known:
        raise found.error(path, f"unknown {kind} {path[1]!r}{source.suggest(path[1], known)}", at_key=True)


def problem(found: Source, error: dict[str, Any]) -> AutionalError:
    """Turn one complaint of pydantic into an error with its place and a suggestion."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    kind, value = error["type"], error.get("input")
    where = ".".join(map(str, path)) or "the stack"
    if kind == "extra_forbidden":
        known = FIELDS.get(tuple("*" if index == 1 else str(part) for index, part in enumerate(path[:-1])), ())
        return found.error(path, f"unknown key {path[-1]!r}{source.suggest(str(path[-1]), known)}", at_key=True)
    if kind == "missing":
        return found.error(path[:-1], f"the key {path[-1]!r} is missing")
    if path[-1:] == ("version",):
        return found.error(path, f"version is {value!r}; this release reads version 1")
    if path[-1:] == ("driver",) and isinstance(value, str):
        known = DRIVERS if len(path) == 1 else RESOURCE_DRIVERS
        return found.error(path, f"unknown driver {value!r}{source.suggest(value, known)}")
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    at_key = "[key]" in error["loc"]
    shown = f", not {value!r}" if isinstance(value, str | int | float | bool | None) and not at_key else ""
    return found.error(path, f"{where}: {message}{shown}", at_key=at_key)


def place(failure: AutionalError) -> tuple[int, int]:
    """Return line and column of an error, for sorting."""
    _, line, column, _ = failure.message.split(":", 3)
    return int(line), int(column)


def merge(name: str, layers: list[Layer]) -> Stack:
    """Return one stack from a chain of files: a later file wins key by key; `env` and `settings` are joined."""
    services: dict[str, ServiceEntry] = {}
    resources: dict[str, ResourceEntry] = {}
    driver: Driver = "embedded"
    telemetry = TelemetryEntry()
    for layer in layers:
        telemetry = overlay(telemetry, layer.file.telemetry)
        driver = layer.file.driver or driver
        for key, service in layer.file.services.items():
            services[key] = overlay(services.get(key, ServiceEntry()), service, "env")
        for key, resource in layer.file.resources.items():
            resources[key] = overlay(resources.get(key, ResourceEntry()), resource, "settings", "env")
    last = layers[-1]
    return Stack(
        name=name,
        path=last.path,
        description=last.file.description,
        driver=driver,
        services=services,
        resources=resources,
        telemetry=telemetry,
    )


def overlay(base: Entry, given: Entry | None, *joined: str) -> Entry:
    """Return `base` with what `given` sets; the mappings `joined` are joined instead of replaced."""
    if given is None:
        return base
    set_now = {key: getattr(given, key) for key in given.model_fields_set}
    for key in set_now.keys() & set(joined):
        set_now[key] = {**getattr(base, key), **set_now[key]}
    return base.model_copy(update=set_now)


def check_resources(stack: Stack, layers: list[Layer]) -> None:
    """Raise when an entry of a resource says what its driver has no use for, or lacks what it needs."""
    for layer in reversed(layers):
        for name, given in layer.file.resources.items():
            path = ("resources", name)
            entry, explicit = stack.entry(name), stack.entry(name).driver
            if given is None:
                continue
            if entry.driver == "external" and entry.url is None:
                raise layer.source.error(path, f"{name} is external and needs a `url`")
            if given.url is not None and explicit != "external":
                raise layer.source.error((*path, "url"), "a `url` needs `driver: external`", at_key=True)
            if given.url is not None and not given.url.startswith(tuple(f"{s}://" for s in SCHEMES[name])):
                known = ", ".join(f"{scheme}://" for scheme in SCHEMES[name])
                raise layer.source.error((*path, "url"), f"the url of {name} begins with {known}")
            for key in ("image", "env", "memory") if explicit in ("embedded", "external") else ():
                if key in given.model_fields_set:
                    raise layer.source.error((*path, key), f"`{key}` is for the driver docker", at_key=True)
            if name == "jaeger" and explicit == "embedded":
                message = "without Docker, traces are kept by the platform itself; leave this entry out"
                raise layer.source.error((*path, "driver"), message)


def check_needs(stack: Stack, layers: list[Layer], specs: Mapping[str, ServiceSpec]) -> None:
    """Raise when a service needs one that the stack lacks, or itself by way of others."""
    edges = graph.dependencies(specs, stack)
    cycle = graph.find_cycle(edges)
    for layer in reversed(layers):
        for name, entry in layer.file.services.items():
            for index, need in enumerate(entry.needs if entry else ()):
                path = ("services", name, "needs", index)
                if need not in stack.services:
                    known = set(stack.services) - {name}
                    raise layer.source.error(
                        path, f"{name} needs {need!r}, which this stack does not have{source.suggest(need, known)}"
                    )
                if need == name:
                    raise layer.source.error(path, f"{name} needs itself")
                if cycle and (name, need) in pairwise(cycle):
                    raise layer.source.error(path, f"a circle of needs and calls: {' → '.join(cycle)}")
