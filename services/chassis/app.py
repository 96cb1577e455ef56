"""`Application`: what a service is made of, and the life of its process.

`build()` of a service names its parts; `run` starts them, says READY, waits for SIGTERM or SIGINT, and drains.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI

from services.chassis.asgi import App, ServiceLayer
from services.chassis.auth import EDGE, Signer, Verifier
from services.chassis.bus import Apply, Consumer
from services.chassis.client import ServiceClient
from services.chassis.db import Database
from services.chassis.drain import Drain
from services.chassis.faults import FaultChannel, Faults
from services.chassis.hosts import Hosts
from services.chassis.http import Health, HealthCheck, create_app, refuse_undeclared, talks
from services.chassis.http_protocol import INSIDE, OUTSIDE
from services.chassis.inbox import Handler, through_inbox
from services.chassis.inflight import InFlight
from services.chassis.jobs import Jobs
from services.chassis.lifecycle import Cleanup, Patience, Server, Stage
from services.chassis.logging import get_logger
from services.chassis.notify import keep_alive, notify, report_drain
from services.chassis.outbox import OutboxRelay
from services.chassis.redis import connect
from services.chassis.registry import Directory, Registration
from services.chassis.resilience import Breakers
from services.chassis.rpc import GrpcClient, GrpcServer, Register
from services.chassis.rpc_health import RpcHealth
from services.chassis.server import HttpServer
from services.chassis.settings import Settings
from services.chassis.spec import ServiceSpec
from services.chassis.stop_signals import ignore_stop_signals, on_stop_signals
from services.chassis.tracing import Tracing
from services.chassis.watchdog import Watchdog

log = get_logger(__name__)

_MAX_BODY = 1024 * 1024
_REQUEST_S = 30.0
_START_S = 30.0
_FOR_WORK = 2 / 3  # the share of the time to stop that work in hand may use; the rest is for closing


class Application:
    """One service process: its servers, its clients and its cleanups."""

    def __init__(self, spec: ServiceSpec, settings: Settings, *, routes_to_everyone: bool = False) -> None:
        self.spec = spec
        self.settings = settings
        self.health = Health()
        self.rpc_health = RpcHealth(self.health.failures)
        self.in_flight = InFlight()
        self.patience = Patience(settings.shutdown_timeout_s * _FOR_WORK)
        self.jobs = Jobs(self.in_flight, self.patience)
        self.verifier = Verifier(spec.name, settings.trust_file)
        self.signer = Signer(spec.name, settings.private_key_file)
        self.breakers = Breakers()
        self.faults = Faults()
        self.bus = connect(settings.bus_url.get_secret_value(), name=settings.replica)
        self.cache_redis = connect(settings.cache_url.get_secret_value(), name=settings.replica)
        self.directory = Directory(self.bus, spec.calls, everyone=routes_to_everyone)
        self.client = ServiceClient(self.directory, self.signer, self.breakers, self.faults)
        self.registration = Registration(settings, self.bus)
        self._routers: list[APIRouter] = []
        self._front: Callable[[App], App] | None = None
        self._http: HttpServer | None = None
        self._servers: list[Server] = [self.jobs]
        self._tasks: list[asyncio.Task[None]] = []
        self._cleanups: list[Cleanup] = []
        self._starts: list[Callable[[], Awaitable[None]]] = []
        self._state: dict[str, object] = {}
        self.with_cleanup("bus", self.bus.aclose)
        self.with_cleanup("cache", self.cache_redis.aclose)
        self.with_cleanup("client", self.client.close)
        if settings.fault_socket is not None:
            channel = FaultChannel(settings.fault_socket, self.faults)
            self.with_start(channel.open).with_cleanup("faults", channel.close)

    def with_router(self, router: APIRouter) -> Self:
        """Serve the routes of `router`."""
        self._routers.append(router)
        return self

    def with_front(self, front: Callable[[App], App]) -> Self:
        """Put a raw ASGI application before the routers (the gateway); it is given the routers' own.

        Raises `ValueError` for any other service: what answers before the routes asks nobody who is calling.
        """
        if self.spec.name != EDGE:
            raise ValueError(f"{self.spec.name}: only the {EDGE} answers before its routes")
        self._front = front
        return self

    def with_state(self, **values: object) -> Self:
        """Make `values` available to routes as `request.app.state.<name>`."""
        self._state.update(values)
        return self

    def with_health(self, check: HealthCheck, name: str = "database") -> Self:
        """Let `/readyz` fail while `check` raises."""
        self.health.checks[name] = check
        return self

    def with_database(self, db: Database) -> Self:
        """Use `db`: its health check, its outbox relay (which sees to the inbox as well), and its closing."""
        self.with_health(db.ping).with_start(db.ping).with_cleanup("database", db.close)
        if self.spec.publishes or self.spec.consumes:
            self.with_server(OutboxRelay(self.spec.name, db, self.bus, self.spec.publishes))
        return self

    def with_consumer(self, db: Database, handlers: Mapping[str, Handler]) -> Self:
        """Handle events, each exactly once, in a unit of work of `db`."""
        return self.with_raw_consumer({kind: through_inbox(db, handler) for kind, handler in handlers.items()})

    def with_raw_consumer(self, handlers: Mapping[str, Apply], *, batch: int = 1) -> Self:
        """Handle events with functions that see to exactly-once themselves (a store that is not PostgreSQL)."""
        undeclared = set(handlers) ^ set(self.spec.consumes)
        if undeclared:
            raise ValueError(f"{self.spec.name}: handlers and SPEC.consumes differ: {sorted(undeclared)}")
        return self.with_server(Consumer(self.spec.name, self.settings.replica, self.bus, handlers, batch=batch))

    def with_grpc(self, register: Register) -> Self:
        """Serve the gRPC servicers that `register` adds."""
        settings = self.settings
        return self.with_server(
            GrpcServer(
                settings.host,
                settings.grpc_port,
                self.verifier,
                register,
                self.rpc_health,
                self.in_flight,
                self.patience,
                faults=self.faults,
            )
        )

    def grpc_client(self, target: str, stub: Callable[..., object]) -> GrpcClient:
        """Return a client for the gRPC service of `target`, closed with this application."""
        client = GrpcClient(target, stub, self.directory, self.signer, self.breakers, self.faults)
        self.with_cleanup(f"grpc-{target}", client.close)
        return client

    def with_start(self, action: Callable[[], Awaitable[None]]) -> Self:
        """Run `action` once before the service says that it is ready."""
        self._starts.append(action)
        return self

    def with_server(self, server: Server) -> Self:
        """Run `server` for the life of the process."""
        self._servers.append(server)
        return self

    def with_cleanup(self, name: str, close: Callable[[], Awaitable[None] | None], timeout_s: float = 5.0) -> Self:
        """Call `close` at the very end; cleanups run in reverse order of registration."""
        self._cleanups.append(Cleanup(name, close, timeout_s))
        return self

    async def run(self, tracing: Tracing) -> int:
        """Live from start to drained; return the exit code: 0 after a clean drain, 1 if a part failed.

        Raises what the first part that cannot start raises.
        """
        stop = asyncio.Event()
        drain = Drain(self, tracing)

        def last_words() -> None:
            report_drain(drain.report(forced=True), status="forced exit", final=True)

        with Watchdog(self.settings.shutdown_timeout_s, last_words) as watchdog:
            on_stop_signals(watchdog, stop, self.patience)
            self._http = self._http_server()
            self._servers.insert(0, self._http)
            stopping = asyncio.ensure_future(stop.wait())
            served = await self._start_unless(stopping)
            alive = asyncio.create_task(keep_alive(), name="sign of life")
            failed = await self._serve_until(stopping) if served else None
            alive.cancel()
            stopping.cancel()
            watchdog.arm()
            await drain.run(self._tasks, served=served)
            ignore_stop_signals()
        return 1 if failed is not None else 0

    async def _start_unless(self, stopping: asyncio.Future[Any]) -> bool:
        """Start everything and say so; false if a stop came first."""
        starting = asyncio.ensure_future(self._start())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        if starting.cancelled():
            return False
        starting.result()
        self.health.started = True
        notify(READY="1", STATUS="serving")
        log.info("ready", http_port=self.settings.http_port)
        return True

    async def _serve_until(self, stopping: asyncio.Future[Any]) -> asyncio.Task[None] | None:
        """Wait for the stop; return the server that ended before, if one did."""
        await asyncio.wait([stopping, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        failed = next((task for task in self._tasks if task.done()), None)
        if failed is not None:
            error = failed.exception() if not failed.cancelled() else None
            log.error("a server stopped by itself; draining the rest", server=failed.get_name(), error=repr(error))
        return failed

    def fastapi(self) -> FastAPI:
        """Return the application of the routers, not served: its contract is read from it."""
        fastapi = create_app(self.spec, self._routers, self.health, self.verifier)
        for name, value in self._state.items():
            setattr(fastapi.state, name, value)
        return fastapi

    def _http_server(self) -> HttpServer:
        fastapi = self.fastapi()
        refuse_undeclared(fastapi)
        inner: App = self._front(fastapi) if self._front else fastapi
        settings = self.settings
        edge = self._front is not None
        names = (*settings.allowed_hosts, settings.advertise_host, urlsplit(settings.public_url).hostname or "")
        app = ServiceLayer(
            inner,
            self.in_flight,
            max_body=_MAX_BODY,
            timeout_s=_REQUEST_S,
            hosts=Hosts(names),
            edge=edge,
            faults=self.faults,
        )
        return HttpServer(
            app,
            settings.host,
            settings.http_port,
            self.in_flight,
            self.patience,
            listen_fd=settings.listen_fd,
            websockets=not edge and talks(fastapi),
            bounds=OUTSIDE if edge else INSIDE,
        )

    async def _start(self) -> None:
        """Start every server, then enter the registry. Raises what the first failing part raises."""
        async with asyncio.timeout(_START_S):
            await self.directory.start()
            self.with_cleanup("directory", self.directory.stop)
            for action in self._starts:
                await action()
            for server in self._servers:
                await self._start_server(server)
                if isinstance(server, GrpcServer):
                    self.registration.serve_grpc_on(server.port)
            await self.registration.start()

    async def _start_server(self, server: Server) -> None:
        ready = asyncio.Event()
        task = asyncio.create_task(server.serve(ready.set), name=server.name)
        self._tasks.append(task)
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task

    def connections(self) -> int:
        """Return how many HTTP connections are open."""
        return self._http.connections() if self._http else 0

    def all_servers(self) -> list[Server]:
        """Return the servers in the order of their start."""
        return self._servers

    def servers(self, stage: Stage) -> list[Server]:
        """Return the servers that are shut down in `stage`."""
        return [server for server in self._servers if server.stage is stage]

    def cleanups(self) -> list[Cleanup]:
        """Return the cleanups in the order in which they run."""
        return self._cleanups[::-1]
