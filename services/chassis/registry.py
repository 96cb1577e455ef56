"""The registry: every replica is listed in Redis under a lease that it renews; the others hold a live view.

`registry:<service>` is a sorted set: member = JSON of the replica, score = when its lease ends (Unix ms). A message on
channel `registry` announces a change, so that a new or draining replica, or one whose lease had lapsed while the
registry or the whole machine slept, is known to all at once; a slow refresh covers a lost message.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.chassis.address import advertised
from services.chassis.backoff import RETURN_S, Backoff
from services.chassis.lifecycle import end
from services.chassis.logging import get_logger
from services.chassis.settings import Settings

log = get_logger(__name__)

LEASE_S = 15.0
_FORGET_S = 3600.0  # entries of replicas that crashed and never came back
_REFRESH_S = 10.0
_AVOID_S = 1.0
_LOOK_S = (
    0.5  # how late a beat may come after a sleep, in which the clock of pauses stands still and that of leases not
)
CHANNEL = "registry"


@dataclass(frozen=True, slots=True)
class Replica:
    """One running copy of a service and where it listens."""

    id: str
    http: str
    grpc: str
    pid: int

    def encode(self) -> bytes:
        """Return the registry member."""
        return orjson.dumps([self.id, self.http, self.grpc, self.pid])

    @classmethod
    def decode(cls, raw: bytes) -> Replica:
        """Return the replica in a registry member. Raises `ValueError` if it is none."""
        try:
            name, http, grpc, pid = orjson.loads(raw)
            return cls(str(name), str(http), str(grpc), int(pid))
        except TypeError as error:
            raise ValueError(f"not a replica: {error}") from error

    @classmethod
    def decode_all(cls, members: Iterable[bytes]) -> list[tuple[bytes, Replica]]:
        """Return members of the registry with the replicas in them, without what is none."""
        found = []
        for raw in members:
            try:
                found.append((raw, cls.decode(raw)))
            except ValueError as error:
                log.warning("an entry of the registry is no replica", error=str(error))
        return found


def key(service: str) -> str:
    """Return the registry key of a service."""
    return f"registry:{service}"


class Registration:
    """This replica's own lease."""

    def __init__(self, settings: Settings, bus: Redis, *, lease_s: float = LEASE_S) -> None:
        self._service = settings.service
        self._bus: Any = bus  # redis-py types its answers as unions of every protocol version
        self._host = host = advertised(settings)
        self._replica = Replica(
            id=settings.replica,
            http=f"http://{host}:{settings.http_port}",
            grpc=f"{host}:{settings.grpc_port}",
            pid=os.getpid(),
        )
        self._lease_s = lease_s
        self._heart: asyncio.Task[None] | None = None
        self._is_unheard = True  # whether others may believe that this replica is not there

    def serve_grpc_on(self, port: int) -> None:
        """Announce the port that gRPC really listens on; before `start`."""
        self._replica = replace(self._replica, grpc=f"{self._host}:{port}")

    async def start(self) -> None:
        """Enter the registry, clear what an earlier process of this replica left, and keep the lease alive."""
        await self._clear_predecessor()
        await self._renew()
        self._heart = asyncio.create_task(self._beat(), name="registry-heartbeat")

    async def _clear_predecessor(self) -> None:
        for raw, replica in Replica.decode_all(await self._bus.zrange(key(self._service), 0, -1)):
            if replica.id == self._replica.id:
                await self._bus.zrem(key(self._service), raw)

    async def _renew(self) -> None:
        """Prolong the lease, and tell everyone if the others may believe that there is none.

        That is so when it is new, when the registry lost its data, and when it had lapsed: whoever looked meanwhile
        dropped this replica. A server that slept takes what was sent to it long ago: then it is sent again.
        """
        while True:
            sent = time.time()
            ended = await self._prolong(sent)
            answered = time.time()
            self._is_unheard |= ended is None or ended <= answered * 1000
            if abs(answered - sent) <= self._lease_s / 3:
                break
        if self._is_unheard:
            await self._bus.zremrangebyscore(key(self._service), 0, int((answered - _FORGET_S) * 1000))
            await self._bus.publish(CHANNEL, self._service)
            self._is_unheard = False

    async def _prolong(self, now: float) -> float | None:
        """Return when the lease ended so far (Unix ms), None if there was none."""
        member = self._replica.encode()
        async with self._bus.pipeline(transaction=True) as pipeline:
            pipeline.zscore(key(self._service), member)
            pipeline.zadd(key(self._service), {member: int((now + self._lease_s) * 1000)})
            ended, _ = await pipeline.execute()
        return None if ended is None else float(ended)

    async def _beat(self) -> None:
        backoff = Backoff(first_s=0.1, most_s=RETURN_S)
        while True:
            await self._until_due(time.time())
            while True:
                try:
                    await self._renew()
                    break
                except (OSError, RedisError) as error:
                    self._is_unheard = True  # what was sent may be done much later, and its lease be over by then
                    log.warning("lease not renewed", error=repr(error))
                    await backoff.wait()
            backoff.reset()

    async def _until_due(self, began: float) -> None:
        """Wait for a third of the lease by the time of day, which a sleeping machine does not stop."""
        while 0 <= time.time() - began < self._lease_s / 3:  # noqa: ASYNC110 - nothing tells of the end of a sleep
            await asyncio.sleep(min(_LOOK_S, self._lease_s / 3))

    async def stop(self) -> None:
        """Leave the registry and tell everyone."""
        if self._heart is not None:
            await end(self._heart)  # a renewal under way must not come after the leaving
        with contextlib.suppress(OSError, RedisError):
            await self._bus.zrem(key(self._service), self._replica.encode())
            await self._bus.publish(CHANNEL, self._service)


class Directory:
    """A live view of the replicas of the services this one calls, or of all services (`everyone`)."""

    def __init__(
        self, bus: Redis, services: Iterable[str], *, everyone: bool = False, refresh_s: float = _REFRESH_S
    ) -> None:
        self._bus: Any = bus  # redis-py types its answers as unions of every protocol version
        self._replicas: dict[str, list[Replica]] = {name: [] for name in services}
        self._everyone = everyone
        self._refresh_s = refresh_s
        self._avoid: dict[tuple[str, int], float] = {}
        self._turn = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []

    def on_change(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever the view was read anew."""
        self._watchers.append(watcher)

    def lists(self, replica: Replica) -> bool:
        """Return whether this very process is still listed."""
        return any(replica in replicas for replicas in self._replicas.values())

    async def start(self) -> None:
        """Load the view and follow changes."""
        if not self._replicas and not self._everyone:
            return
        await self.refresh()
        self._task = asyncio.create_task(self._follow(), name="registry-directory")

    async def refresh(self, *names: str) -> None:
        """Read the replicas of `names`, or of all, from the registry."""
        now_ms = int(time.time() * 1000)
        if not names and self._everyone:
            names = tuple(
                [
                    raw.decode(errors="replace").removeprefix("registry:")
                    async for raw in self._bus.scan_iter("registry:*")
                ]
            )
            names = tuple(sorted({*names, *self._replicas}))
        for name in names or tuple(self._replicas):
            members = await self._bus.zrangebyscore(key(name), now_ms, "+inf")
            self._replicas[name] = [replica for _, replica in Replica.decode_all(members)]
        for watcher in self._watchers:
            watcher()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _follow(self) -> None:
        backoff = Backoff(first_s=0.1, most_s=RETURN_S)
        while True:
            try:
                async with self._bus.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    await self.refresh()
                    backoff.reset()
                    while True:
                        message = await subscription.get_message(
                            ignore_subscribe_messages=True, timeout=self._refresh_s
                        )
                        name = message["data"].decode(errors="replace") if message else None
                        if name is None:
                            await self.refresh()
                        elif self._everyone or name in self._replicas:
                            await self.refresh(name)
            except (OSError, RedisError) as error:
                log.warning("registry not reachable; using the last view", error=repr(error))
                await backoff.wait()

    def pick(self, service: str, *, without: frozenset[str] = frozenset()) -> Replica | None:
        """Return a replica in turn, avoiding `without` and those that just failed; None if there is none."""
        known = self._replicas.get(service, [])
        now = time.monotonic()
        fresh = [r for r in known if self._avoid.get((r.id, r.pid), 0) <= now and r.id not in without]
        candidates = fresh or [r for r in known if r.id not in without]
        if not candidates:
            return None
        self._turn += 1
        return candidates[self._turn % len(candidates)]

    def avoid(self, replica: Replica) -> None:
        """Prefer others for a second: a call to this one could not be made."""
        self._avoid[replica.id, replica.pid] = time.monotonic() + _AVOID_S

    async def changed(self, timeout_s: float) -> None:
        """Wait for the next change of the view, at most `timeout_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()

    def knows(self, service: str) -> bool:
        """Return whether the service was ever listed; its replicas may all be down."""
        return service in self._replicas

    def services(self) -> list[str]:
        """Return the services that have at least one listed replica."""
        return sorted(name for name, replicas in self._replicas.items() if replicas)

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            await end(self._task)
