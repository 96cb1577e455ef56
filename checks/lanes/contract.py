"""The contract lane: every service is built, not started, in one interpreter; its OpenAPI document and routes are read.

FastAPI nests included routers, so `app.routes` alone shows next to none of them; `iter_route_contexts` shows all.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as FastAPI serves it. `callers` are of `user`, `visitor`, `peer`; `path` is its function's file."""

    method: str
    route: str
    function: str
    path: str
    line: int
    callers: list[str]
    in_schema: bool


@dataclass(frozen=True, slots=True)
class ServiceContract:
    """What one service promises. `error` says why it could not be built; then the rest is empty."""

    service: str
    openapi: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    error: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ServiceContract:
        """Return the contract of `asdict`."""
        operations = [Operation(**each) for each in value.get("operations", [])]
        return cls(value["service"], value.get("openapi", {}), operations, value.get("error", ""))

    def where(self, method: str, route: str) -> tuple[str, int]:
        """Return file and line of a route's function, else the service's routes file."""
        for each in self.operations:
            if each.route == route and each.method == method.upper():
                return each.path, each.line
        return f"services/{self.service}/routes.py", 0


@dataclass(frozen=True, slots=True)
class Contract:
    """What all services promise, by name."""

    services: dict[str, ServiceContract]

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Contract:
        """Return what `main` printed."""
        return cls({each["service"]: ServiceContract.from_json(each) for each in value["services"]})


def main() -> int:
    """Print the contracts of a workspace as JSON."""
    import asyncio  # rules import this module for its types alone
    import tempfile

    root = Path(sys.argv[1])
    names = sorted(path.parent.name for path in root.glob("services/*/service.py"))
    with tempfile.TemporaryDirectory() as folder:
        contracts = asyncio.run(read_all(root, names, Path(folder)))
    json.dump({"services": [asdict(each) for each in contracts]}, sys.stdout)
    return 0


async def read_all(root: Path, names: list[str], folder: Path) -> list[ServiceContract]:
    """Return the contract of each service; one that cannot be built says so and stops no other."""
    import traceback

    found = []
    for name in names:
        try:
            found.append(read(root, name, folder))
        except Exception as failure:  # noqa: BLE001 - a service's own mistake, whatever it is, is its result
            place = traceback.extract_tb(failure.__traceback__)[-1]
            error = f"{type(failure).__name__}: {failure} ({Path(place.filename).name}:{place.lineno})"
            found.append(ServiceContract(name, error=error))
    return found


def read(root: Path, name: str, folder: Path) -> ServiceContract:
    """Build one service and return its contract."""
    import importlib

    from fastapi.routing import iter_route_contexts

    module = importlib.import_module(f"services.{name}.service")
    app = module.build(settings(module.SPEC, folder)).fastapi()
    operations = [each for context in iter_route_contexts(app.routes) for each in operations_of(context, root)]
    return ServiceContract(name, app.openapi(), operations)


def operations_of(context: Any, root: Path) -> list[Operation]:
    """Return the operations of one route; the chassis' own probes and documents are left out."""
    import inspect

    from services.chassis.access import callers

    dependant, endpoint = getattr(context, "dependant", None), context.endpoint
    if dependant is None or endpoint is None or endpoint.__module__.startswith("services.chassis"):
        return []
    function = inspect.unwrap(endpoint)
    path = Path(function.__code__.co_filename)
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    line = function.__code__.co_firstlineno
    who = sorted(callers(dependant))
    visible = bool(getattr(context, "include_in_schema", True))
    methods = sorted(context.methods or ())
    return [Operation(each, str(context.path), function.__name__, shown, line, who, visible) for each in methods]


def settings(spec: Any, folder: Path) -> Any:
    """Return settings that let a service be built. Nothing is connected to: the addresses are those of nobody."""
    from joserfc.jwk import ECKey

    from services.chassis.settings import Settings

    key, trust = folder / "key.pem", folder / "trust.json"
    if not key.exists():
        made = ECKey.generate_key("P-256", parameters={"kid": spec.name}, private=True)
        key.write_bytes(made.as_pem(private=True))
        trust.write_text(json.dumps({"keys": [made.as_dict(private=False)]}), encoding="ascii")
    urls = {
        "postgres": f"postgresql+asyncpg://{spec.name}@127.0.0.1:9/{spec.name}",
        "mongo": f"mongodb://127.0.0.1:9/{spec.name}",
    }
    return Settings(
        service=spec.name,
        replica=f"{spec.name}-0",
        http_port=spec.port,
        grpc_port=spec.port + 1000,
        database_url=urls.get(spec.database, ""),
        bus_url="redis://127.0.0.1:9/0",
        cache_url="redis://127.0.0.1:9/0",
        private_key_file=key,
        trust_file=trust,
        secret="0" * 43,
    )


if __name__ == "__main__":
    sys.exit(main())
