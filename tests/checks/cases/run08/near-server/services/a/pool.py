class Pool:
    """A pool."""

    async def close(self) -> None: ...


class Rules:
    def check(self) -> None: ...
