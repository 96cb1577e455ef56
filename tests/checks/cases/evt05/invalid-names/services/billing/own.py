import services.chassis.bus as bus_module
from services.billing.base import Reader
from services.chassis import bus
from services.chassis.bus import Consumer as Base

Again = Base


class Mine(Base):  # expect: EVT05
    pass


class Other(bus.Consumer):  # expect: EVT05
    pass


class Third(Reader):  # expect: EVT05
    pass


async def f(redis, connection):
    Again("billing", "x", redis, {})  # expect: EVT05
    bus_module.Consumer("billing", "x", redis, {})  # expect: EVT05
    Reader("billing", "x", redis, {})  # expect: EVT05
    await redis.xreadgroup("g", "c", {"s": ">"})  # expect: EVT05
    await redis.execute_command("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")  # expect: EVT05
    await redis.execute_command("xread", "STREAMS", "s", "0")  # expect: EVT05
    await getattr(redis, "xautoclaim")("s", "g", "c", 0)  # expect: EVT05
    await redis.pubsub().subscribe("user.created")  # expect: EVT05
    await connection.psubscribe("user.*")  # expect: EVT05
    await redis.blpop("jobs")  # expect: EVT05
