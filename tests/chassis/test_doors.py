"""What cannot say who may call it keeps a service from starting, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from autional_cli import secrets
from autional_cli.instance import Instance
from services.chassis.access import User
from services.chassis.auth import Verifier
from services.chassis.http import Health, create_app, refuse_undeclared
from tests.chassis.servers import PROBE


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    instance = Instance.open(tmp_path_factory.mktemp("keys"), "keys")
    instance.create()
    secrets.ensure_keys(instance, [PROBE])
    yield Verifier("probe", secrets.trust_file(instance))
    instance.discard_run_dir()


def raw(_request: Request) -> Response:
    return Response("come in")


async def conversation(_socket: WebSocket) -> None: ...


class Lax(APIRoute):
    """A route that answers without asking its dependencies."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def answer(request: Request) -> Response:
            return raw(request)

        return answer


async def declared(caller: User) -> None: ...


WAYS: dict[str, Callable[[APIRouter], object]] = {
    "add_route": lambda router: router.add_route("/v1/door", raw),
    "route": lambda router: router.routes.append(Route("/v1/door", raw)),
    "websocket": lambda router: router.add_websocket_route("/v1/door", conversation),
    "websocket route": lambda router: router.routes.append(WebSocketRoute("/v1/door", conversation)),
    "API route": lambda router: router.add_api_route("/v1/door", conversation),
    "lax API route": lambda router: router.add_api_route("/v1/door", declared, route_class_override=Lax),
    "mount": lambda router: router.mount("/v1/door", Starlette(routes=[Route("/", raw)])),
    "mounted FastAPI": lambda router: router.mount("/v1/door", FastAPI()),
    "folder": lambda router: router.mount("/v1/door", StaticFiles(directory=Path(__file__).parent)),
    "frontend": lambda router: router.frontend("/v1/door", directory=Path(__file__).parent),
    "host": lambda router: router.host("v1.door", Starlette()),
    "the path of a probe": lambda router: router.add_route("/metrics", raw, methods=["POST"]),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_add_a_route_goes_past_saying_who_may_call_it(way: str, nested: bool, verifier: Verifier) -> None:
    router, outer = APIRouter(), APIRouter()
    WAYS[way](router)
    if nested:
        outer.include_router(router)
    app = create_app(PROBE, [outer if nested else router], Health(), verifier)
    with pytest.raises(ValueError, match=r"door|/metrics|Frontend"):
        refuse_undeclared(app)


def test_nothing_answers_beside_the_routes(verifier: Verifier) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await Response("come in")(scope, receive, send)

    app = create_app(PROBE, [], Health(), verifier)
    refuse_undeclared(app)
    app.router.default = answer
    with pytest.raises(ValueError, match="beside"):
        refuse_undeclared(app)
    app = create_app(PROBE, [], Health(), verifier)
    app.add_middleware(TrustedHostMiddleware)
    with pytest.raises(ValueError, match="beside"):
        refuse_undeclared(app)
