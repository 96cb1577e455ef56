from fastapi import APIRouter

from services.chassis.access import User

router = APIRouter(prefix="/v1")
inner = APIRouter()
routes = []


@router.get("/x")
async def x(caller: User): ...


@router.api_route("/y", methods=["GET"])
async def y(caller: User): ...


def build(disk, planner, f, car):
    router.add_api_route("/z", f)
    router.include_router(inner)
    disk.mount("/dev/sda1", "/mnt")
    routes.append("/v1/x")
    car.routes.append("home")
    planner.route("home", "work")
    return [each.path for each in router.routes]
