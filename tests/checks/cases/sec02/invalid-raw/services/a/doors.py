import fastapi
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette import routing
from starlette.routing import Mount
from starlette.routing import Route as R

router = APIRouter(prefix="/v1")
add = router.add_route


class Lax(APIRoute):  # expect: SEC02
    pass


def build(app, f, Application):
    router.add_route("/v1/door", f)  # expect: SEC02
    add("/v1/door", f)  # expect: SEC02
    getattr(router, "add_route")("/v1/door", f)  # expect: SEC02
    router.add_websocket_route("/v1/door", f)  # expect: SEC02
    router.mount("/v1/door", f)  # expect: SEC02
    app.mount("/v1/door", FastAPI())  # expect: SEC02
    router.routes.append(R("/v1/door", f))  # expect: SEC02
    router.routes.insert(0, f)  # expect: SEC02
    router.routes += [f]  # expect: SEC02
    router.routes = [f]  # expect: SEC02
    routing.WebSocketRoute("/v1/door", f)  # expect: SEC02
    Mount("/v1/door", f)  # expect: SEC02
    fastapi.FastAPI()  # expect: SEC02
    app.add_middleware(f)  # expect: SEC02
    app.dependency_overrides[f] = f  # expect: SEC02
    return Application(1, 2).with_front(f)  # expect: SEC02


@router.route("/v1/door")  # expect: SEC02
async def door(request): ...


@router.websocket_route("/v1/door")  # expect: SEC02
async def talk(socket): ...
