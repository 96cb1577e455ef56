"""The environment variables that a service is started with; it reads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli import secrets
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.block import PortBlock
    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

# resource → the variable that carries its URL. Every service has the bus and the cache, the others it must ask for.
COMMON_URLS = {"redis": "AUTIONAL_BUS_URL", "cache": "AUTIONAL_CACHE_URL"}
DECLARED_URLS = {"objects": "AUTIONAL_OBJECTS_URL", "mailbox": "AUTIONAL_SMTP_URL"}


def environment(
    instance: Instance,
    spec: ServiceSpec,
    stack: Stack,
    resources: Iterable[Resource],
    replica: int = 0,
    *,
    block: PortBlock | None = None,
) -> dict[str, str]:
    """Return what replica number `replica` of a service is told; the stack's own `env` wins.

    `block` has the ports of further replicas; by default it is that of the instance, which knows favourites only.
    """
    block = block or instance.block
    known = secrets.read(instance)
    if known is None or spec.name not in known.services:
        raise AutionalError(
            f"instance {instance.name} has no secrets for {spec.name} yet",
            hint="autional up",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    by_name = {resource.name: resource for resource in resources}
    variables = COMMON_URLS | {name: DECLARED_URLS[name] for name in spec.resources}
    urls = {variable: by_name[name].url_for(spec) for name, variable in variables.items() if name in by_name}
    database = by_name.get(spec.database)
    return {
        "AUTIONAL_SERVICE": spec.name,
        "AUTIONAL_INSTANCE": instance.name,
        "AUTIONAL_REPLICA": f"{spec.name}-{replica}",
        "AUTIONAL_HOST": LOOPBACK,
        "AUTIONAL_HTTP_PORT": str(block.http(spec, replica)),
        "AUTIONAL_GRPC_PORT": str(block.grpc(spec, replica)),
        "AUTIONAL_LOG_FILE": str(instance.logs_dir / f"{spec.name}.jsonl"),
        "AUTIONAL_DATABASE_URL": database.url_for(spec) if database else "",
        **urls,
        "AUTIONAL_PUBLIC_URL": f"http://{LOOPBACK}:{block.base}",  # the gateway has the first port of the block
        "AUTIONAL_OTLP_ENDPOINT": getattr(by_name.get("jaeger"), "otlp", f"http://{LOOPBACK}:{block.telemetry}"),
        "AUTIONAL_PRIVATE_KEY_FILE": str(secrets.key_file(instance, spec.name)),
        "AUTIONAL_TRUST_FILE": str(secrets.trust_file(instance)),
        "AUTIONAL_SECRET": known.sealing(spec.name),
        **stack.services[spec.name].env,
    }
