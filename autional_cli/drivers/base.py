"""What a driver gives the supervisor: processes to run and resources to bring up.

A driver never runs anything itself. It says which process a resource needs (`ProcessSpec`) and how to prepare, probe
and provision it; the supervisor owns the processes, so one state machine covers services and resources alike.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from services.chassis.spec import ServiceSpec

WATCHDOG_S = 10.0  # in which a process that reports by the notify protocol says that it is alive
WATCHDOG = {"WATCHDOG_USEC": str(int(WATCHDOG_S * 1_000_000))}  # sd_watchdog_enabled(3)


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """One process to run: a program (`argv`) or a Python entry forked from the zygote (`entry`), never both.

    `env` is added to a minimal base environment. `log` receives raw stdout and stderr. `kill_signal` is what may be
    sent when `stop_timeout_s` has passed; whoever sends it follows with SIGKILL if the process still lives. `wake_port`
    names a loopback port to connect to once, 50 ms after the stop signal: some servers block in accept() until then.
    (Sooner, the thread that serves the connection may take the signal in place of the main thread, which sleeps on.)
    `background` is work nobody waits for: once ready, it yields the processor to the rest.
    `hurries`: a second stop signal makes it give up what it waits for. `listen` is a port whose listening socket it is
    handed (`AUTIONAL_LISTEN_FD`), so that a successor can serve it as well; `successor_env` is what a process that
    starts while its predecessor still runs is told differently. `holds`: it can build itself up before what its unit
    needs is ready, and then waits for the word to go on (`services/chassis/hold.py`). `aftermath` is a command to run
    when a killed supervisor could not stop what the process stands for; it does no harm when nothing is left to do.
    `notifies`: it, or what it stands for, reports to the unit's socket though it is a program.
    """

    name: str
    argv: tuple[str, ...] = ()
    entry: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    kill_signal: signal.Signals = signal.SIGKILL
    wake_port: int | None = None
    background: bool = False
    hurries: bool = False
    holds: bool = False
    listen: int | None = None
    successor_env: Mapping[str, str] = field(default_factory=dict)
    aftermath: tuple[str, ...] = ()
    notifies: bool = False

    def __post_init__(self) -> None:
        if bool(self.argv) == bool(self.entry):
            raise ValueError(f"process {self.name}: give either argv or entry")


@runtime_checkable
class Resource(Protocol):
    """A backing server or store, in the order it is brought up: inspect, prepare, run, wait until ready, provision.

    Every method raises AutionalError with what happened, where, and what to do.
    """

    @property
    def name(self) -> str:
        """`postgres`, `redis`, `cache`, `mongo`, `objects`, `mailbox` or `jaeger`."""

    @property
    def driver(self) -> str:
        """Which driver runs it: `embedded`, `docker` or `external`."""

    @property
    def version(self) -> str:
        """The server's version, such as `18.6`."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Loopback ports it listens on; empty for a directory."""

    def inspect(self) -> None:
        """Refuse what cannot work: foreign or corrupt data, another major version, no disk space. Writes nothing."""

    async def prepare(self) -> None:
        """Create data and configuration files. Idempotent, never leaves half a state; not while it runs."""

    def process(self) -> ProcessSpec | None:
        """Return the process to run, or None where nothing runs."""

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it answers; raise AutionalError naming what was waited for after `timeout_s` seconds."""

    async def provision(self) -> None:
        """Create databases, roles and access rules. Idempotent, and fast when there is nothing to do."""

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL, with credentials, that `service` gets."""

    def admin_url(self) -> str:
        """Return the operator's URL, with credentials; show it redacted."""

    async def remove(self) -> None:
        """Delete its data (`down --volumes`). The process must have stopped."""


@runtime_checkable
class Advising(Protocol):
    """A resource that knows what to run when its server ended with words that it has a cure for."""

    def advice(self, output: Sequence[str]) -> str:
        """Return the command for what a server said last; empty for what is not known."""


@runtime_checkable
class Releasable(Protocol):
    """A resource that may outlive its process."""

    async def release(self) -> None:
        """Stop what the process stood for, if it still runs. The process has ended."""
