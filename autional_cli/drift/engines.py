"""One SQLAlchemy engine for all databases of a server.

An engine compiles every statement once and asks a server once what it is; sixteen engines would do so sixteen times,
which is most of what a comparison costs.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from autional_cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CONNECT_S = 5.0
# Given at the login, before a limit of the role's own, which may be drift, ends the first statement.
LIMITS = {"lock_timeout": "5s", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}
_url: ContextVar[str] = ContextVar("url of the database to connect to")


class Engines:
    """Engines by server, made when first needed and disposed of at the end."""

    def __init__(self) -> None:
        self._engines: dict[str, AsyncEngine] = {}

    async def __aenter__(self) -> Engines:
        return self

    async def __aexit__(self, *_: object) -> None:
        for engine in self._engines.values():
            await engine.dispose()

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[AsyncConnection]:
        """Yield a connection of its own to the database at `url`. Raises what the driver raises."""
        token = _url.set(url.replace("+asyncpg", "", 1))
        try:
            async with self._engine(urlsplit(url).netloc.rpartition("@")[2]).connect() as connection:
                yield connection
        finally:
            _url.reset(token)

    def _engine(self, server: str) -> AsyncEngine:
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        if server not in self._engines:
            self._engines[server] = create_async_engine(
                "postgresql+asyncpg://", async_creator=_connect, poolclass=NullPool
            )
        return self._engines[server]


async def _connect() -> Any:
    import asyncpg

    url = _url.get()
    encryption: dict[str, Any] = {"ssl": False} if urlsplit(url).hostname in (LOOPBACK, "localhost") else {}
    return await asyncpg.connect(url, timeout=CONNECT_S, server_settings=LIMITS, **encryption)
