"""What a workspace runs: the composition of stack, services, resources and the platform's own processes into units."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli import secrets
from autional_cli.drivers import choice
from autional_cli.drivers.base import ProcessSpec
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import BlockClaim, Instance, claim_block
from autional_cli.plan import Topology, UnitDef
from autional_cli.supervisor import leftovers
from autional_cli.supervisor.client import connect, not_running
from autional_cli.supervisor.replicas import EDGE, Ground, replicas
from autional_cli.supervisor.schema import migrations, templated
from autional_cli.telemetry.limits import ENVIRONMENT as LIMITS
from autional_cli.workspace import graph
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import DEFAULT_STACK, load_stack
from autional_cli.workspace.model import DRIVERS, RESOURCES
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.block import PortBlock
    from autional_cli.drivers.base import Resource
    from autional_cli.supervisor.request import Request
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

SERVICES = "services"
TELEMETRY_ENTRY = "autional_cli.telemetry.server:main"


class WorkspaceSource:
    """The source of every real platform. Holds the claim of the block of ports from the first `build` on.

    A further replica keeps its ports for as long as it is wanted, whatever else is scaled.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._claim: BlockClaim | None = None
        self._extras: Mapping[tuple[str, int], int] = {}
        self._drivers: Mapping[str, str] = {}

    def build(self, request: Request) -> Topology:
        """Return the units for `request`; AutionalError with file and line for what is wrong in the workspace."""
        chosen = choose(self._instance.root, request)
        secrets.refuse_lost(self._instance)
        drivers = {**drivers_of(chosen.stack), SERVICES: chosen.image or "processes"}
        if self._claim is None:
            self._instance.create()
            leftovers.stop(self._instance)  # or they would hold the ports
            self._claim = claim_block(self._instance, chosen.specs)
        elif self._drivers != drivers:
            raise other_drivers(self._drivers, drivers, self._instance.name)
        self._drivers = drivers
        block = self._instance.block.arranged_for(chosen.stack, chosen.stack_specs, self._extras)
        self._extras = block.extras
        secrets.ensure_keys(self._instance, chosen.stack_specs)
        topology = assemble(self._instance, chosen, block)
        jaeger = next((unit.url for unit in topology.units if unit.name == "jaeger"), "")
        self._instance.remember(stack=chosen.stack.name, driver=chosen.stack.driver, jaeger=jaeger)
        return topology

    def close(self) -> None:
        """Release the block of ports."""
        if self._claim:
            self._claim.close()
            self._claim = None


def drivers_of(stack: Stack) -> Mapping[str, str]:
    """Return the driver of every resource."""
    return {name: stack.driver_of(name) for name in RESOURCES}


def other_drivers(running: Mapping[str, str], wanted: Mapping[str, str], instance: str) -> AutionalError:
    """Return the error for a platform that runs and would have to change its drivers."""
    differing = ", ".join(f"{name} on {running[name]}" for name in wanted if running[name] != wanted[name])
    return AutionalError(
        f"instance {instance} runs already, with {differing}",
        hint="stop it first (autional down), or start another one: autional up --instance NAME",
        exit_code=ExitCode.USAGE,
    )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A stack, the specs of all its services, and those of the services that were asked for with what they need.

    `asked` are the names that the last request needs, None for all. `image` is what services are containers of; empty:
    they are forked. `known` are all services of the workspace.
    """

    root: Path
    stack: Stack
    stack_specs: tuple[ServiceSpec, ...]
    specs: tuple[ServiceSpec, ...]
    asked: frozenset[str] | None = None
    known: frozenset[str] = frozenset()
    image: str = ""


def choose(root: Path, request: Request) -> Choice:
    """Read the workspace and select what `request` needs. AutionalError (exit 3) for what is wrong in a file."""
    known = discover(root)
    stack = load_stack(root, request.stack or DEFAULT_STACK, known)
    stack = driven(stack, request.driver)
    gone = {name for name in request.services if name not in known and name not in request.asked}
    wanted = tuple(name for name in request.services if name not in gone)  # asked for before, and deleted since
    for name in (*request.asked, *wanted):
        if name not in stack.services:
            raise AutionalError(
                f"there is no service {name!r} in stack {stack.name}{suggest(name, stack.services)}",
                hint=f"services of this stack: {', '.join(stack.services)}",
                exit_code=ExitCode.USAGE,
            )
    stack = scaled(stack, request.replicas)
    edges = graph.dependencies(known, stack)
    needed = graph.subgraph(edges, wanted or tuple(stack.services))
    asked = frozenset(graph.subgraph(edges, request.asked)) if request.asked else None
    in_stack = tuple(spec for name, spec in known.items() if name in stack.services)
    chosen = tuple(spec for spec in in_stack if spec.name in needed)
    image = request.image or ""
    every = frozenset(known)
    return Choice(root=root, stack=stack, stack_specs=in_stack, specs=chosen, asked=asked, known=every, image=image)


def driven(stack: Stack, driver: str | None) -> Stack:
    """Return the stack on the driver that was asked for; what it says of single resources stays."""
    if driver is None or driver == stack.driver:
        return stack
    if driver not in DRIVERS:
        raise AutionalError(
            f"there is no driver {driver!r}{suggest(driver, DRIVERS)}",
            hint="autional up --driver docker",
            exit_code=ExitCode.USAGE,
        )
    return stack.model_copy(update={"driver": driver})


def scaled(stack: Stack, replicas: Mapping[str, int]) -> Stack:
    """Return the stack with as many replicas as were asked for since it was started."""
    entries = {
        name: entry.model_copy(update={"replicas": replicas.get(name, entry.replicas)})
        for name, entry in stack.services.items()
    }
    return stack.model_copy(update={"services": entries})


def preview(instance: Instance, request: Request) -> Topology:
    """Return the units as `build` would, on the ports that were used last, without changing anything on disk."""
    chosen = choose(instance.root, request)
    with tempfile.TemporaryDirectory(prefix="autional-plan-") as scratch:
        shadow = Instance(Path(scratch), instance.name)
        shadow.create()
        shadow.remember(block=instance.block.base)
        return assemble(shadow, chosen)


def all_resources(instance: Instance) -> list[Resource]:
    """Return every resource that the instance may have data of: what its last stack stands on."""
    stack = str(instance.recall().get("stack") or DEFAULT_STACK)
    known = discover(instance.root)
    chosen = driven(load_stack(instance.root, stack, known), instance.recall().get("driver"))
    return choice.resources(instance, chosen, [spec for name, spec in known.items() if name in chosen.services])


def reachable_resources(instance: Instance) -> list[Resource]:
    """Return `all_resources` of an instance that runs; AutionalError (exit 4) for one that does not.

    What it left behind names ports that somebody else may have by now. Servers elsewhere need no platform.
    """
    connection = connect(instance) if instance.home.is_dir() else None
    if connection is not None:
        connection.__exit__()
        return all_resources(instance)
    found = all_resources(instance) if instance.home.is_dir() else []
    if not found or any(resource.driver != "external" for resource in found):
        raise not_running(instance)
    return found


def assemble(instance: Instance, chosen: Choice, arranged: PortBlock | None = None) -> Topology:
    """Return the topology. Resources are set up for the whole stack, so that more of it can be started later."""
    block = arranged or instance.block.arranged_for(chosen.stack, chosen.stack_specs)
    relational = [spec for spec in chosen.stack_specs if spec.database == "postgres"]
    wanted = choice.needed(chosen.stack, chosen.specs)
    found = [r for r in choice.resources(instance, chosen.stack, chosen.stack_specs) if r.name in wanted]
    resources = [templated(r, instance, chosen.root, relational) for r in found]
    units = [UnitDef(name=r.name, kind="resource", resource=r, ports=r.ports, url=r.admin_url()) for r in resources]
    units.append(telemetry(instance, chosen.stack))
    if any(resource.name == "postgres" for resource in resources):
        units.append(migrations(instance, chosen.root, resources, relational))
    ground = Ground(
        instance=instance,
        root=chosen.root,
        stack=chosen.stack,
        running=[spec.name for spec in chosen.specs],
        resources=resources,
        units=[unit.name for unit in units],
        block=block,
        image=chosen.image,
    )
    units += [unit for spec in chosen.specs for unit in replicas(ground, spec)]
    return Topology(
        units=tuple(units),
        asked=chosen.asked,
        known=chosen.known,
        driver=chosen.stack.driver,
        gateway=f"http://127.0.0.1:{block.base}" if any(s.name == EDGE for s in chosen.specs) else "",
        dashboard=f"http://127.0.0.1:{block.telemetry}",
    )


def telemetry(instance: Instance, stack: Stack) -> UnitDef:
    """Return the process that takes spans and keeps traces and the log index."""
    port = instance.block.telemetry
    env = {
        "AUTIONAL_INSTANCE": instance.name,
        "AUTIONAL_HTTP_PORT": str(port),
        "AUTIONAL_TRACES_DB": str(instance.traces_db),
        "AUTIONAL_LOGS_DIR": str(instance.logs_dir),
        "AUTIONAL_LOG_FILE": str(instance.logs_dir / "telemetry.jsonl"),
        LIMITS: json.dumps(stack.telemetry.limits()),
    }
    log = instance.logs_dir / "telemetry.out"
    process = ProcessSpec(name="telemetry", entry=TELEMETRY_ENTRY, env=env, log=log, background=True)
    url = f"http://127.0.0.1:{port}"
    return UnitDef(name="telemetry", kind="platform", process=process, ports=(port,), url=url)
