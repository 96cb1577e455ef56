async def f(self, pipeline) -> None:
    await self._bus.xadd("s", {})  # expect: EVT04
    pipeline.publish("channel", b"")  # expect: EVT04
