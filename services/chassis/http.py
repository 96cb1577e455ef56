"""The FastAPI application every service has: envelope on every answer, health, metrics, stable operation ids."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import WebSocketRoute

from services.chassis.access import answers_beside, undeclared_routes
from services.chassis.auth import Verifier
from services.chassis.dto import ErrorEnvelope, error_body
from services.chassis.errors import BY_STATUS, INTERNAL, MALFORMED, VALIDATION, ErrorCode, ServiceError
from services.chassis.metrics import exposition
from services.chassis.spec import ServiceSpec

HealthCheck = Callable[[], Awaitable[None]]
_CHECK_TIMEOUT_S = 2.0
# By reference instead of `model`: FastAPI would build a field of it for each route and status, a third of a start.
_ERROR_SCHEMA = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"content": _ERROR_SCHEMA, "description": "Failed; the envelope says why"}
    for status in (400, 401, 403, 422, 503)
}


class Health:
    """What `/readyz` answers: ready unless draining, and only while every check passes."""

    def __init__(self) -> None:
        self.draining = False
        self.started = False  # has been ready once
        self.checks: dict[str, HealthCheck] = {}

    async def failures(self) -> dict[str, str]:
        """Run all checks at once; return the failing ones with their reason."""
        if self.draining:
            return {"service": "draining"}
        results = await asyncio.gather(*(self._run(check) for check in self.checks.values()))
        return {name: reason for name, reason in zip(self.checks, results, strict=True) if reason}

    @staticmethod
    async def _run(check: HealthCheck) -> str:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                await check()
        except Exception as error:  # noqa: BLE001 - any failure of a check is its answer
            return repr(error)
        return ""


class _Described(FastAPI):
    """Adds what every answer may be to the OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "ErrorEnvelope" not in schemas:
            schemas["ErrorEnvelope"] = ErrorEnvelope.model_json_schema(mode="serialization")
            document["components"]["schemas"] = dict(sorted(schemas.items()))
        return document


def create_app(spec: ServiceSpec, routers: Iterable[APIRouter], health: Health, verifier: Verifier) -> FastAPI:
    """Return the application of a service."""
    app = _Described(
        title=spec.name,
        description=spec.summary,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # the redirect would name the address that this service listens on
        generate_unique_id_function=_operation_id,
        responses=_ERRORS,
    )
    app.state.verifier = verifier
    app.include_router(_probes(health), include_in_schema=False)
    app.state.own_routes = [context.original_route for context in iter_route_contexts(app.routes)]
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unhandled)
    return app


def talks(app: FastAPI) -> bool:
    """Whether any route of `app` is a WebSocket."""
    return any(isinstance(context.original_route, WebSocketRoute) for context in iter_route_contexts(app.routes))


def refuse_undeclared(app: FastAPI) -> None:
    """Raise `ValueError` if a route does not say who may call it, or something else answers beside the routes."""
    open_routes = undeclared_routes(app)
    if open_routes:
        raise ValueError(f"{app.title}: these routes do not say who may call them: {', '.join(open_routes)}")
    if answers_beside(app):
        raise ValueError(f"{app.title}: something else answers beside the routes; it cannot say who may call it")


def _operation_id(route: APIRoute) -> str:
    return route.name


def _probes(health: Health) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> Response:
        return Response(b"ok", media_type="text/plain")

    @router.get("/startupz")
    async def startupz() -> Response:
        text = "started\n" if health.started else "starting\n"
        return Response(text, status_code=200 if health.started else 503, media_type="text/plain")

    @router.get("/readyz")
    async def readyz() -> Response:
        failures = await health.failures()
        text = "".join(f"{name}: {reason}\n" for name, reason in failures.items()) or "ready\n"
        return Response(text, status_code=503 if failures else 200, media_type="text/plain")

    @router.get("/metrics")
    async def metrics() -> Response:
        body, content_type = exposition()
        return Response(body, media_type=content_type)

    return router


def _answer(code: ErrorCode, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status_code=code.status, media_type="application/json", headers=headers)


async def _service_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return _answer(error.code, error_body(error.code, error.message, error.details), error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [{"at": ".".join(str(p) for p in e["loc"]), "problem": e["msg"]} for e in error.errors()[:20]]
    malformed = any(e["type"] == "json_invalid" for e in error.errors())
    code = MALFORMED if malformed else VALIDATION
    return _answer(code, error_body(code, details={"problems": problems}))


async def _unhandled(_request: Request, _error: Exception) -> Response:
    """Answer in the envelope, saying nothing of the cause; the layer around logs it."""
    return _answer(INTERNAL, error_body(INTERNAL))


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = BY_STATUS.get(error.status_code)
    if known is None:
        known = INTERNAL if error.status_code >= 500 else MALFORMED
    return _answer(known, error_body(known), dict(error.headers or {}))
