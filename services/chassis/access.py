"""How a route says who may call it. A route that says nothing keeps the service from starting.

- `User`: a signed-in user, vouched for by the gateway.
- `Visitor`: anybody who comes through the gateway (sign-in, registration).
- `Peer`: another service of the platform, whose `SPEC.invokes` names this very operation.

A raw route of Starlette, a mounted application or folder cannot say it, so a service has none. It holds for WebSocket
routes as for the others: a handshake without a token is answered with the envelope.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

from services.chassis.auth import EDGE, HEADER, Principal, Verifier
from services.chassis.errors import FORBIDDEN, UNAUTHENTICATED, ServiceError


class SignedIn:
    """A signed-in user: ids that are there for certain, and the rest of the principal."""

    __slots__ = ("principal", "session_id", "user_id")

    def __init__(self, principal: Principal, user_id: UUID, session_id: UUID) -> None:
        self.principal = principal
        self.user_id = user_id
        self.session_id = session_id


def _credentials(request: HTTPConnection) -> tuple[Verifier, str]:
    token = request.headers.get(HEADER, "")
    if not token:
        raise ServiceError(UNAUTHENTICATED)
    return request.app.state.verifier, token


def _visitor(request: HTTPConnection) -> Principal:
    verifier, token = _credentials(request)
    principal = verifier.verify(token)
    if principal.caller != EDGE:
        raise ServiceError(FORBIDDEN)
    return principal


# Coroutines though they wait for nothing: FastAPI runs a plain function in a thread, which costs more than it does.
async def visitor(request: HTTPConnection) -> Principal:
    """Return the caller, who came through the gateway."""
    return _visitor(request)


async def user(request: HTTPConnection) -> SignedIn:
    """Return the signed-in user."""
    principal = _visitor(request)
    if principal.user_id is None or principal.session_id is None:
        raise ServiceError(UNAUTHENTICATED)
    return SignedIn(principal, principal.user_id, principal.session_id)


async def peer(request: HTTPConnection) -> Principal:
    """Return the calling service."""
    verifier, token = _credentials(request)
    method = request.scope.get("method", "WEBSOCKET")  # the scope of a WebSocket has none
    return verifier.verify_peer(token, method, request.scope["path"])


User = Annotated[SignedIn, Depends(user)]
Visitor = Annotated[Principal, Depends(visitor)]
Peer = Annotated[Principal, Depends(peer)]

_DECLARATIONS = (user, visitor, peer)
# A subclass may answer without asking its dependencies.
_DECLARING = (APIRoute, APIWebSocketRoute)


def doors(app: FastAPI) -> Iterator[tuple[RouteContext, set[str]]]:
    """Yield each route that a service adds to `app`, and who may call it.

    Nobody is asked by what is no route of FastAPI: raw routes, mounts, hosts, folders of files. Such a route has no
    dependencies, so it says nothing, and is open to everybody.
    """
    own: list[BaseRoute] = getattr(app.state, "own_routes", [])
    # What `frontend` serves is asked last, and is in no other list.
    last: Iterator[Any] = app.router._iter_low_priority_routes()
    later: list[BaseRoute] = [getattr(each, "original_route", each) for each in last]
    for context in (*iter_route_contexts(app.routes), *(RouteContext(route) for route in later)):
        route = context.original_route
        if not any(route is each for each in own):
            dependant = getattr(context, "dependant", None) if type(route) in _DECLARING else None
            yield context, callers(dependant) if dependant is not None else set()


def undeclared_routes(app: FastAPI) -> list[str]:
    """Return the routes of `app` that do not say who may call them."""
    return [path_of(context) for context, who in doors(app) if not who]


def answers_beside(app: FastAPI) -> bool:
    """Whether something of a service answers beside the routes: a middleware, or what is asked when none matches."""
    return bool(app.user_middleware) or app.router.default != app.router.not_found


def path_of(context: RouteContext) -> str:
    """Return where a route lies; its type, where it has no path."""
    route = context.original_route
    return str(context.path or getattr(route, "host", "") or f"({type(route).__name__})")


def callers(dependant: Any) -> set[str]:
    """Return which of `user`, `visitor` and `peer` a route's dependencies ask for."""
    found = {each.call.__name__ for each in dependant.dependencies if each.call in _DECLARATIONS}
    return found.union(*(callers(each) for each in dependant.dependencies))
