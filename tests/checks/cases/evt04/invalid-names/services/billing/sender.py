import functools
import operator

from redis.asyncio import Redis

COMMAND = "xadd"


class Sender:
    def __init__(self, redis: Redis, store: Redis) -> None:
        self._store = store
        self._send = redis.xadd  # expect: EVT04
        self._script = redis.register_script("return redis.call('XADD', KEYS[1], '*', 'a', 'b')")  # expect: EVT04

    async def go(self, fields):
        await self._send("user.created", fields)
        await self._store.publish("user.created", b"")  # expect: EVT04


async def f(redis, bus, fields, unit):
    await redis.execute_command("XADD", "s", "*", "a", "b")  # expect: EVT04
    await redis.execute_command("xadd s * a b")  # expect: EVT04
    await redis.execute_command(COMMAND, "s", "*", "a", "b")  # expect: EVT04
    await redis.execute_command(b"XADD", "s", "*", "a", "b")  # expect: EVT04
    await redis.execute_command("X" + "ADD", "s", "*", "a", "b")  # expect: EVT04
    await redis.execute_command(*["PUBLISH", "s", "x"])  # expect: EVT04
    await redis.pipeline().xadd("s", fields).execute()  # expect: EVT04
    async with redis.pipeline() as p:
        p.xadd("s", fields)  # expect: EVT04
        p.publish("s", b"")  # expect: EVT04
    await getattr(redis, "xadd")("s", fields)  # expect: EVT04
    await getattr(redis, COMMAND)("s", fields)  # expect: EVT04
    await operator.methodcaller("xadd", "s", fields)(redis)  # expect: EVT04
    add = functools.partial(bus.xadd, "s")  # expect: EVT04
    await add(fields)
    send = bus.publish  # expect: EVT04
    await send("s", b"")
    await redis.eval("redis.call('publish', KEYS[1], ARGV[1])", 1, "s", "x")  # expect: EVT04
    await redis.lpush("jobs", "x")  # expect: EVT04
    await redis.execute_command("RPUSH", "jobs", "x")  # expect: EVT04
