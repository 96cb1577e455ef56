"""A two-level cache: a short-lived copy in the process, then Redis; a change is announced to all processes.

The local level is trusted only while this process hears announcements: when the subscription is lost it is emptied
and left out until it is heard again, so a stale answer cannot outlive a broken link. An invalidated key carries a
tombstone for a while, so that a reader who loaded the old value just before cannot write it back.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.chassis.backoff import RETURN_S, Backoff
from services.chassis.errors import ResourceUnavailableError
from services.chassis.lifecycle import end
from services.chassis.logging import get_logger
from services.chassis.metrics import CACHE

log = get_logger(__name__)

_TOMBSTONE = b"-"
_TOMBSTONE_S = 5  # longer than any load may take


def channel(source: str, namespace: str) -> str:
    """Return the channel on which the service `source`, and nobody else, announces changes in its `namespace`."""
    return f"invalidate:{source}:{namespace}"


class Cache:
    """JSON values of one namespace. Times are seconds; `size` bounds the local level in entries.

    `shared_s=0` leaves out Redis as a level: the cache of a reader whose source shares by itself. `source` is the
    service that announces changes; `owner` unless told.
    """

    def __init__(
        self,
        redis: Redis,
        owner: str,
        namespace: str,
        *,
        local_s: float = 60,
        shared_s: float = 300,
        size: int = 10_000,
        source: str = "",
    ) -> None:
        self._redis = redis
        self._channel = channel(source or owner, namespace)
        self._prefix = f"{owner}:{namespace}:"
        self._namespace = namespace
        self._local_s = local_s
        self._shared_s = shared_s
        self._size = size
        self._local: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._listening = False
        self._task: asyncio.Task[None] | None = None
        self._generation = 0

    async def start(self) -> None:
        """Begin to hear announcements."""
        self._task = asyncio.create_task(self._listen(), name=f"cache-{self._namespace}")

    async def stop(self) -> None:
        """Stop hearing announcements."""
        if self._task is not None:
            await end(self._task)

    async def get(self, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
        """Return the value of `key`, from the nearest level that has it, else from `load`; None is not kept."""
        entry = self._local.get(key)
        if self._listening and entry is not None and entry[0] > time.monotonic():
            CACHE.labels(self._namespace, "local").inc()
            return entry[1]
        generation = self._generation
        value = await self._shared(key) if self._shared_s else None
        CACHE.labels(self._namespace, "miss" if value is None else "shared").inc()
        if value is None:
            value = await load()
            if value is None:
                return None
            if self._shared_s:
                await self._share(key, value)
        if generation == self._generation:  # nothing was announced meanwhile that this value might predate
            self._keep(key, value)
        return value

    def _keep(self, key: str, value: Any) -> None:
        self._local[key] = (time.monotonic() + self._local_s, value)
        self._local.move_to_end(key)
        if len(self._local) > self._size:
            self._local.popitem(last=False)

    async def _shared(self, key: str) -> Any:
        try:
            raw = await self._redis.get(self._prefix + key)
        except (OSError, RedisError) as error:
            log.warning("cache not reachable", error=repr(error))
            return None
        return None if raw is None or raw == _TOMBSTONE else orjson.loads(raw)

    async def _share(self, key: str, value: Any) -> None:
        try:
            await self._redis.set(self._prefix + key, orjson.dumps(value), px=int(self._shared_s * 1000), nx=True)
        except (OSError, RedisError) as error:
            log.warning("cache not reachable", error=repr(error))

    async def invalidate(self, *keys: str) -> None:
        """Drop `keys` here, in Redis, and in every process that keeps this namespace.

        Raises `ResourceUnavailableError` when it cannot be announced: the caller must not believe that it was.
        """
        if not keys:
            return
        for key in keys:
            self._local.pop(key, None)
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.set(self._prefix + key, _TOMBSTONE, ex=_TOMBSTONE_S)
                pipeline.publish(self._channel, orjson.dumps(list(keys)))
                await pipeline.execute()
        except (OSError, RedisError) as error:
            raise ResourceUnavailableError("cache") from error

    async def _listen(self) -> None:
        backoff = Backoff(first_s=0.05, most_s=RETURN_S)
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    await self._follow(subscription, backoff)
            except (OSError, RedisError) as error:
                log.warning("cache announcements lost", cache=self._namespace, error=repr(error))
            finally:
                self._listening = False
                self._local.clear()
            await backoff.wait()

    def _forget(self, announced: bytes) -> None:
        """Drop the keys of an announcement; all of them for one that is not understood."""
        try:
            keys = orjson.loads(announced)
        except ValueError:
            keys = None
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            self._local.clear()
            return
        for key in keys:
            self._local.pop(key, None)

    async def _follow(self, subscription: Any, backoff: Backoff) -> None:
        while True:
            message = await subscription.get_message(timeout=10)
            if message is None:
                continue
            if message["type"] == "subscribe":
                # What was loaded while nothing could be heard may have changed unheard.
                self._local.clear()
                self._generation += 1
                self._listening = True
                backoff.reset()
            elif message["type"] == "message":
                self._generation += 1
                self._forget(message["data"])
