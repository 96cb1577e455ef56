SCRIPT = """
local call = redis.call
call('XADD', KEYS[1], '*', 'a', 'b')
"""


async def f(redis, fields):
    await redis.eval(SCRIPT, 1, "s")  # expect: EVT04
    await redis.eval("return redis.call(ARGV[1])", 0, "XADD")  # expect: EVT04
    await redis.execute_command("EVAL", "redis.call('xadd', 's', '*')", 0)  # expect: EVT04
    command = ["XADD", "s"]
    await redis.execute_command(*command)  # expect: EVT04
    await redis.__getattribute__("xadd")("s", fields)  # expect: EVT04
    await type(redis).xadd(redis, "s", fields)  # expect: EVT04
    await vars(type(redis))["xadd"](redis, "s", fields)  # expect: EVT04
    await redis.transaction(lambda pipe: pipe.xadd("s", fields))  # expect: EVT04
