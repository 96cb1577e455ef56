class Book:
    def xadd(self, page): ...

    def publish(self, page): ...

    def both(self, page):
        self.xadd(page)
        self.publish(page)


async def f(unit, redis, log, page):
    unit.publish("invoice.paid", page, {})
    say = unit.publish
    say("invoice.paid", page, {})
    Book().xadd(page)
    await redis.execute_command("XLEN", "s")
    await redis.execute_command("GET", "xadd")
    await redis.get("publish")
    await redis.eval("return redis.call('INCR', KEYS[1])", 1, "n")
    getattr(page, "title")
    log.info("publish")
