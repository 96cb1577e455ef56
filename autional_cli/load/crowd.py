"""Many users at once: residents who repeat one step each, and newcomers who walk the whole journey again and again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.journeys import steps
from autional_cli.load.records import Records
from autional_cli.load.walker import Walker
from autional_cli.resources.mailbox import MailboxReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from autional_cli.instance import Instance
    from services.chassis.journey import Step

REQUEST_S = 30.0
JOIN_S = 30.0  # for all residents to be registered, confirmed and signed in
JOINING = 12  # at the same time; each hashes passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much load: `users` are residents, each repeating one capability; `rate` is their steps per second together
    (0: as fast as answers come); `newcomers` walk whole journeys without a pause. `step_s` is the patience for a step.
    """

    users: int = 18
    rate: float = 20.0
    newcomers: int = 1
    step_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """The platform that is loaded: its gateway, its mail, and which services run.

    `network` is how the addresses of users begin, two numbers, all of this machine's own; by default loopback ones.
    """

    instance: Instance
    gateway: str
    services: tuple[str, ...]
    network: str = ""

    @classmethod
    def of(cls, instance: Instance, status: dict[str, Any]) -> Target:
        """Return the running platform of `status`, as the supervisor tells it; without a gateway nobody can load it."""
        return cls(instance, str(status.get("gateway") or ""), tuple(str(s["name"]) for s in status["services"]))


@dataclass(slots=True)
class Resident:
    """One user and the step that this user repeats; `fresh` means that each time another user does it."""

    walker: Walker
    step: Step
    period_s: float
    phase_s: float
    fresh: bool
    earlier: list[Step]


@dataclass(slots=True)
class Crowd:
    """The users of one load. `records` fills while they walk.

    Whoever stops services for good, on purpose, notes in `stopped` from which Unix second on each may be missing.
    """

    target: Target
    shape: Shape
    open: contextlib.AsyncExitStack
    records: Records = field(default_factory=Records)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    residents: list[Resident] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)
    post: MailboxReader | None = None

    def walker(self, session: aiohttp.ClientSession, records: Records | None = None) -> Walker:
        """Return a new user, who reads the platform's mailbox: all have one reader."""
        if self.post is None:
            self.post = MailboxReader(self.target.instance.data_dir / "mailbox")
        kept = self.records if records is None else records
        walker = Walker(gateway=self.target.gateway, session=session, post=self.post, records=kept)
        if isinstance(session.connector, From) and session.connector.address:
            walker.facts["address"] = session.connector.address
        return walker

    async def settle_in(self) -> None:
        """Make every resident ready for the step they repeat.

        Raises AutionalError (exit 6) naming the first step that failed: a platform that is broken before is no subject.
        """
        planned = steps(self.target.services)
        lanes = [step for step in planned if step.repeats]
        gate = asyncio.Semaphore(JOINING)
        try:
            async with asyncio.timeout(JOIN_S):
                joined = [
                    self._join(lanes[n % len(lanes)], planned, n, len(lanes), gate) for n in range(self._users(lanes))
                ]
                self.residents = list(await asyncio.gather(*joined))
        except TimeoutError:
            raise AutionalError(
                f"the users of the load could not all sign in within {JOIN_S:.0f} s",
                hint="autional smoke",
                exit_code=ExitCode.SERVICE_FAILED,
            ) from None

    def _users(self, lanes: Sequence[Step]) -> int:
        """Return how many residents there are: one for each capability at least, so that none goes unseen."""
        return max(self.shape.users, len(lanes)) if self.shape.users else 0

    async def _join(
        self, step: Step, planned: list[Step], number: int, lanes: int, gate: asyncio.Semaphore
    ) -> Resident:
        unrecorded = Records()
        walker = self.walker(await self.open.enter_async_context(household(self.target.network)), unrecorded)
        path = before(step, planned)
        async with gate:
            for earlier in path:
                run = await walker.walk(earlier, JOIN_S)
                if not run.ok:
                    raise AutionalError(
                        f"the platform is not well before any load: {earlier.name}: {run.error}",
                        hint="autional smoke",
                        exit_code=ExitCode.SERVICE_FAILED,
                    )
        walker.records = self.records
        users = max(self.shape.users, lanes)
        period = users / self.shape.rate if self.shape.rate else 0.0
        return Resident(walker, step, period, period * number / users, fresh=not step.after, earlier=path)

    async def walk(self) -> None:
        """Walk until `stopping` is set; every step under way is finished first, which takes `step_s` at most."""
        async with asyncio.TaskGroup() as group:
            for resident in self.residents:
                group.create_task(self._reside(resident))
            for _ in range(self.shape.newcomers):
                group.create_task(self._arrive())

    async def _reside(self, resident: Resident) -> None:
        began = time.monotonic() + resident.phase_s
        turn = 0
        while not await self._stopped_until(began + turn * resident.period_s):
            walker = self.walker(resident.walker.session) if resident.fresh else resident.walker
            run = await walker.walk(resident.step, self.shape.step_s)
            if not run.ok and not resident.fresh and walker.is_signed_out:
                await self._sign_in_again(resident)
            behind = (time.monotonic() - began) / resident.period_s if resident.period_s else 0
            turn = max(turn + 1, int(behind))  # turns that a slow answer made impossible are left out, not made up for

    async def _sign_in_again(self, resident: Resident) -> None:
        """Do what a person does whose session is over, such as after a refresh whose answer never came."""
        resident.walker.access_token = ""  # a dead token is refused at the edge, whatever the route
        for step in resident.earlier:
            if step.repeats and step.after and not (await resident.walker.walk(step, self.shape.step_s)).ok:
                return

    async def _arrive(self) -> None:
        """Walk the whole journey as one new user after the other."""
        planned = steps(self.target.services)
        while not self.stopping.is_set():
            async with household(self.target.network) as session:
                well = await self._journey(self.walker(session), planned)
            if not well:
                await self._stopped_until(time.monotonic() + 0.25)  # a platform that refuses at once is not hammered

    async def _journey(self, walker: Walker, planned: Sequence[Step]) -> bool:
        """Walk the steps; what comes after a failed one is left out. Return whether all went well."""
        failed: set[str] = set()
        for step in planned:
            if self.stopping.is_set():
                break
            left_out = failed.intersection(step.after) or (step.last and failed)
            if left_out or not (await walker.walk(step, self.shape.step_s)).ok:
                failed.add(step.name)
        return not failed

    async def _stopped_until(self, moment: float) -> bool:
        """Wait for `moment`; return at once, and true, when the load is to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                await self.stopping.wait()
        return self.stopping.is_set()


def before(step: Step, planned: Sequence[Step]) -> list[Step]:
    """Return what has to come before `step`, in order."""
    needed = set(step.after)
    found: list[Step] = []
    for earlier in reversed(planned[: planned.index(step)]):
        if earlier.name in needed:
            needed.update(earlier.after)
            found.append(earlier)
    return found[::-1]


class From(aiohttp.TCPConnector):
    """Connections from one address."""

    def __init__(self, address: str) -> None:
        super().__init__(limit=0, local_addr=(address, 0) if address else None)
        self.address = address


def household(network: str = "") -> aiohttp.ClientSession:
    """Return a client with an address of its own: wrong passwords are counted by address, and users live apart.

    Every address of 127.0.0.0/8 is this machine's own on Linux; elsewhere all users share 127.0.0.1.
    """
    network = network or f"127.{random.randint(1, 254)}"  # noqa: S311
    address = f"{network}.{random.randint(0, 255)}.{random.randint(1, 254)}"  # noqa: S311
    connector = From(address if sys.platform == "linux" else "")
    timeout = aiohttp.ClientTimeout(total=REQUEST_S)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout)


@contextlib.asynccontextmanager
async def load(target: Target, shape: Shape) -> AsyncIterator[Crowd]:
    """Load the platform while the block runs, from when every user is ready; ends cleanly with the block.

    Raises what `settle_in` raises, and AutionalError (exit 4) if users have no gateway to go through. Yields the crowd,
    whose `records` grow meanwhile.
    """
    if (shape.users or shape.newcomers) and not target.gateway:
        raise AutionalError(
            f"instance {target.instance.name} runs no gateway, so there is no way in for load",
            hint="autional up; or without load: --users 0",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    async with contextlib.AsyncExitStack() as opened:
        crowd = Crowd(target, shape, opened)
        await crowd.settle_in()
        walking = asyncio.create_task(crowd.walk(), name="load")
        try:
            yield crowd
        finally:
            crowd.stopping.set()
            await asyncio.wait({walking})
        walking.result()
