class Pool:
    """A pool."""

    async def close(self) -> None: ...
