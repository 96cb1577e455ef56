from fastapi import APIRouter as AR
from starlette.routing import *

v1 = AR(prefix="/v1")


class Mine(AR):  # expect: SEC02
    pass


def build(app, api, f):
    api.mount("/v1/door", f)  # expect: SEC02
    Route("/v1/door", f)  # expect: SEC02
    routes = v1.routes
    routes.append(f)  # expect: SEC02
    v1.routes[:] = []  # expect: SEC02
    v1.routes[0] = f  # expect: SEC02
    setattr(v1, "routes", [f])  # expect: SEC02
    app.router.default = f  # expect: SEC02
    getattr(v1, "mount")("/v1/door", f)  # expect: SEC02


async def late(request, f):
    request.app.add_route("/v1/door", f)  # expect: SEC02
    request.app.router.routes.append(f)  # expect: SEC02
