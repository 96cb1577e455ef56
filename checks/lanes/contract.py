"""The contract lane: every service is built, not started, in one interpreter; its OpenAPI document and routes are read.

FastAPI nests included routers, so `app.routes` alone shows next to none of them. `doors` of the chassis shows all,
those that are none of FastAPI's as well: what a service would refuse at its start is what this lane reads.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as it is served. `callers` are of `user`, `visitor`, `peer`; `path` is its function's file.

    `method` is `ANY` for what is no route of FastAPI: a mount, a raw route.
    """

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

    from services.chassis.access import answers_beside, doors

    module = importlib.import_module(f"services.{name}.service")
    app = module.build(settings(module.SPEC, folder)).fastapi()
    operations = [each for context, who in doors(app) for each in operations_of(name, context, sorted(who), root)]
    if answers_beside(app):
        operations.append(Operation("ANY", "*", "", f"services/{name}/service.py", 0, [], False))
    return ServiceContract(name, app.openapi(), operations)


def operations_of(service: str, context: Any, who: list[str], root: Path) -> list[Operation]:
    """Return the operations of one route."""
    import inspect

    from services.chassis.access import path_of

    endpoint = getattr(context.original_route, "endpoint", None)
    function = inspect.unwrap(endpoint) if callable(endpoint) else None
    code = getattr(function, "__code__", None)
    path = Path(code.co_filename) if code else root / "services" / service / "service.py"
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    line = code.co_firstlineno if code else 0
    name = getattr(function, "__name__", type(context.original_route).__name__)
    visible = bool(getattr(context, "include_in_schema", False))
    methods = sorted(getattr(context.original_route, "methods", None) or ("ANY",))
    return [Operation(each, path_of(context), name, shown, line, who, visible) for each in methods]


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
