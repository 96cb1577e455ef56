async def f(bus) -> None:
    await bus.xadd("s", {})
