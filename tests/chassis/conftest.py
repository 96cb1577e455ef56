"""Fixtures: the servers, and for each test an empty database, bus and cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

from services.chassis.auth import Signer
from services.chassis.db import Database
from services.chassis.redis import connect
from services.chassis.settings import Settings
from tests.chassis.events import create_tables, empty_tables
from tests.chassis.processes import as_witness
from tests.chassis.servers import WITNESS, Servers
from tests.chassis.servers import servers as start_servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL, bus, cache and Mongo, running."""
    with start_servers(tmp_path_factory.mktemp("servers")) as running:
        create_tables(running.settings())
        yield running


@pytest.fixture
def settings(servers: Servers) -> Settings:
    """The settings of the first replica of probe."""
    return servers.settings()


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The database of probe: event tables and `effects`, all empty."""
    database = Database(settings)
    await empty_tables(database)
    yield database
    await database.close()


@pytest.fixture
async def bus(servers: Servers) -> AsyncIterator[Redis]:
    """An empty bus, seen by probe."""
    async with connect(servers.operator_url("redis"), name="tests") as operator:
        await operator.flushall()
    async with connect(servers.settings().bus_url.get_secret_value(), name="probe") as client:
        yield client


@pytest.fixture
async def cache_redis(servers: Servers) -> AsyncIterator[Redis]:
    """An empty cache, seen by probe."""
    async with connect(servers.operator_url("cache"), name="tests") as operator:
        await operator.flushall()
    async with connect(servers.settings().cache_url.get_secret_value(), name="probe") as client:
        yield client


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Short log lines: the library's default draws a failure's variables for seconds."""
    renderer = structlog.processors.JSONRenderer(default=repr)
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info, renderer])


@pytest.fixture(scope="session")
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(_exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """What the SDK exports from here on."""
    _exporter.clear()
    return _exporter


@pytest.fixture
def sign(servers: Servers) -> Callable[[], str]:
    """What makes a token that tells probe that witness calls; one lives for seconds."""
    signer = Signer("witness", servers.settings(WITNESS).private_key_file)
    return lambda: signer.token("probe")


@pytest.fixture
async def http(servers: Servers) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of probe's HTTP, as witness."""
    async with as_witness(servers) as session:
        yield session
