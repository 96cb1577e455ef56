"""What all services declare, checked over all of them at once."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from autional_cli.migrations.apply import upgrade
from services.chassis import errors as chassis_errors
from services.chassis.auth import Verifier
from services.chassis.errors import ErrorCode, ErrorCodes
from services.chassis.http import Health, create_app
from services.chassis.spec import ServiceSpec
from tests.chassis.servers import WITH_MIGRATIONS, Servers

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))
WITH_ROUTES = sorted(path.parent.name for path in (ROOT / "services").glob("*/routes.py"))


def part(service: str, module: str) -> Any:
    return importlib.import_module(f"services.{service}.{module}")


def spec(service: str) -> ServiceSpec:
    found: ServiceSpec = part(service, "service").SPEC
    return found


def app(service: str, servers: Servers) -> FastAPI:
    verifier = Verifier(service, servers.settings().trust_file)
    return create_app(spec(service), [part(service, "routes").router], Health(), verifier)


def test_error_numbers_and_names_are_unique_over_all_services_and_within_their_range() -> None:
    found: list[tuple[str, ErrorCode]] = [("chassis", code) for code in chassis_errors.CODES]
    for service in NAMES:
        codes: ErrorCodes = part(service, "errors").CODES
        assert codes.owner == service
        found += [(service, code) for code in codes]
        assert all(code.number in spec(service).error_codes for code in codes)
        assert all(400 <= code.status <= 599 for code in codes)
    assert len(found) > 30  # it did look
    assert [n for n, times in Counter(code.number for _, code in found).items() if times > 1] == []
    assert [n for n, times in Counter(code.name for _, code in found).items() if times > 1] == []


def test_ranges_and_ports_of_services_do_not_overlap() -> None:
    specs = [spec(service) for service in NAMES]
    ranges = sorted((each.error_codes.start, each.error_codes.stop) for each in specs)
    assert all(first[1] <= second[0] for first, second in pairwise(ranges))
    assert len({each.port for each in specs}) == len(specs)


def test_every_consumed_event_has_a_publisher_and_audit_consumes_every_published_one() -> None:
    specs = [spec(service) for service in NAMES]
    published = {kind for each in specs for kind in each.publishes}
    consumed = {kind for each in specs for kind in each.consumes}
    assert consumed <= published
    assert set(spec("audit").consumes) == published


def test_calls_form_no_cycle() -> None:
    calls = {service: spec(service).calls for service in NAMES}

    def reach(service: str, path: tuple[str, ...]) -> None:
        assert service not in path, f"{' → '.join([*path, service])}"
        for target in calls[service]:
            reach(target, (*path, service))

    for service in NAMES:
        reach(service, ())


@pytest.mark.parametrize("service", WITH_ROUTES)
def test_operation_ids_are_unique_and_stable_words(service: str, servers: Servers) -> None:
    paths = app(service, servers).openapi()["paths"]
    ids = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert ids
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", each) for each in ids)


@pytest.mark.parametrize("service", WITH_ROUTES)
def test_every_good_answer_is_an_envelope_or_a_declared_exception(service: str, servers: Servers) -> None:
    exceptions = {"jwks", "export_events"}  # RFC 7517 fixes the shape of one, the other is a stream
    for methods in app(service, servers).openapi()["paths"].values():
        for operation in methods.values():
            good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            schemas = [answer.get("content", {}).get("application/json", {}).get("schema", {}) for answer in good]
            bare = [schema for schema in schemas if "/Envelope" not in schema.get("$ref", "")]
            assert not bare or operation["operationId"] in exceptions, operation["operationId"]


def calls_of(dependant: Any) -> set[Any]:
    return {dependant.call}.union(*(calls_of(inner) for inner in dependant.dependencies))


@pytest.mark.parametrize("service", WITH_ROUTES)
def test_routes_and_dependencies_are_coroutines_because_anything_else_runs_in_a_thread(
    service: str, servers: Servers
) -> None:
    contexts = [each for each in iter_route_contexts(app(service, servers).routes) if hasattr(each, "dependant")]
    calls = set().union(*(calls_of(each.dependant) for each in contexts)) - {None}
    assert calls
    assert [call.__qualname__ for call in calls if not inspect.iscoroutinefunction(call)] == []


@pytest.mark.parametrize("service", [each.name for each in WITH_MIGRATIONS])
async def test_migrations_make_exactly_the_tables_of_the_models(service: str, servers: Servers) -> None:
    url = servers.settings(spec(service)).database_url.get_secret_value()
    assert (await upgrade(ROOT, service, url)).current
    metadata = part(service, "models").Base.metadata
    assert {"outbox", "inbox"} < set(metadata.tables)

    def compare(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        differences = await connection.run_sync(compare)
    await engine.dispose()
    assert differences == []
