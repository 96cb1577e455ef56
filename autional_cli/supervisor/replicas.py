"""The units of one service, a replica each: a forked process, or a container of the image that production runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.base import ProcessSpec
from autional_cli.environment import environment
from autional_cli.plan import UnitDef
from autional_cli.supervisor.injection import fault_socket
from autional_cli.supervisor.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from autional_cli.block import PortBlock
    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

SERVICE_ENTRY = "services.chassis.runner:main"
EDGE = "gateway"
DRAIN_S = 35.0  # what a service may use to drain (30 s), and a little to leave
# At most, and only while somebody is connected: services follow the registry and leave at once; clients from outside
# learn on their next request that their connection ends, and one that is closed while idle may be about to be used.
LAME_DUCK_S, LAME_DUCK_OF_EDGE_S = "0.5", "2.0"
SHARED_CODE = ("chassis", "contracts")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all services of a platform stand on. `running` are the services beside it, `units` what is there to need.

    `image`: services are containers of it; empty: forked processes.
    """

    instance: Instance
    root: Path
    stack: Stack
    running: Collection[str]
    resources: Sequence[Resource]
    units: Collection[str]
    block: PortBlock
    image: str = ""


def replicas(ground: Ground, spec: ServiceSpec) -> list[UnitDef]:
    """Return the units of one service: `identity`, and `identity-1` … for further replicas."""
    entry = ground.stack.services[spec.name]
    stands_on = {"redis", "cache", spec.database, *spec.resources}
    if spec.database != "none":
        stands_on.add(MIGRATIONS)
    needs = (*sorted(stands_on & set(ground.units)), *(need for need in entry.needs if need in ground.running))
    units = []
    for number in range(entry.replicas):
        name = spec.name if number == 0 else f"{spec.name}-{number}"
        http = ground.block.http(spec, number)
        unit = UnitDef(
            name=name,
            service=spec.name,
            process=None if ground.image else process(ground, spec, name, number),
            resource=contained(ground, spec, name, number) if ground.image else None,
            needs=needs,
            calls=tuple(call for call in spec.calls if call in ground.running),
            watched=() if ground.image else tuple(ground.root / "services" / n for n in (spec.name, *SHARED_CODE)),
            ports=(http, ground.block.grpc(spec, number)) if spec.serves_grpc else (http,),
            url=f"http://127.0.0.1:{http}",
        )
        units.append(unit)
    return units


def told(ground: Ground, spec: ServiceSpec, number: int) -> dict[str, str]:
    """Return the environment of a replica."""
    lame_duck = LAME_DUCK_OF_EDGE_S if spec.name == EDGE else LAME_DUCK_S
    return {
        "AUTIONAL_LAME_DUCK_S": os.environ.get("AUTIONAL_LAME_DUCK_S", lame_duck),
        "AUTIONAL_LAME_DUCK_EARLY": "1",
        **environment(ground.instance, spec, ground.stack, ground.resources, number, block=ground.block),
    }


def process(ground: Ground, spec: ServiceSpec, name: str, number: int) -> ProcessSpec:
    """Return the process of a replica."""
    own, successors = (str(ground.instance.run_dir / fault_socket(name, generation)) for generation in (0, 1))
    return ProcessSpec(
        name=name,
        entry=SERVICE_ENTRY,
        env={"AUTIONAL_FAULT_SOCKET": own, **told(ground, spec, number)},
        cwd=ground.root,
        log=ground.instance.logs_dir / f"{name}.out",
        stop_timeout_s=DRAIN_S,
        background=spec.background,
        hurries=True,
        holds=True,
        listen=ground.block.http(spec, number),
        successor_env={
            "AUTIONAL_REPLICA": f"{spec.name}-{number}b",
            "AUTIONAL_GRPC_PORT": "0",
            "AUTIONAL_FAULT_SOCKET": successors,
        },
    )


def contained(ground: Ground, spec: ServiceSpec, name: str, number: int) -> Resource:
    """Return the container of a replica."""
    from autional_cli.drivers.docker.container import Place
    from autional_cli.drivers.docker.service import ServiceContainer

    return ServiceContainer(
        name=name,
        service=spec.name,
        image=ground.image,
        place=Place.of(ground.instance),
        env=told(ground, spec, number),
        log=ground.instance.logs_dir / f"{name}.out",
        socket=ground.instance.run_dir / f"notify-{name}.sock",
        port=ground.block.http(spec, number),
        stop_s=DRAIN_S,
    )
