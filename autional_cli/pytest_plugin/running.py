"""The platform as tests see it: where everything is, and what can be done to it."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.pytest_plugin.lease import Lease, post_warden, sweep, take_down
from autional_cli.pytest_plugin.warden import KEPT
from autional_cli.redaction import learn_instance
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.pytest_plugin.options import Chosen

    Say = Callable[[str], None]

SLOW_S = 5.0  # after so long a start is reported without having been asked


class Control:
    """Operations on the running platform, as the commands of the same names do them."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def ask(self, operation: str, *, timeout_s: float = 60.0, **fields: Any) -> Any:
        """Ask the supervisor for an operation of the control protocol; raises its AutionalError."""
        from autional_cli.supervisor.client import require

        with require(self._instance) as connection:
            return connection.request(operation, timeout_s=timeout_s, **fields)

    def status(self) -> dict[str, Any]:
        """Return the platform as `autional ps --format json` does."""
        found: dict[str, Any] = self.ask("status")
        return found

    def why(self, service: str) -> dict[str, Any]:
        """Return why a service is as it is."""
        found: dict[str, Any] = self.ask("why", service=service)
        return found

    def restart(self, *services: str) -> None:
        """Replace services by new processes and wait until they are ready."""
        self.ask("restart", services=list(services))

    def drain(self, *services: str) -> dict[str, Any]:
        """Drain services and leave them stopped; `up` brings them back. Returns the report."""
        found: dict[str, Any] = self.ask("drain", services=list(services))
        return found

    def up(self, *services: str) -> None:
        """Start services that were drained, or that the stack has beside those that run."""
        self.ask("up", services=list(services), wait=True)

    def scale(self, **replicas: int) -> None:
        """Run so many replicas of services."""
        self.ask("scale", replicas=replicas)


class Platform:
    """A running platform. `instance` says where its state lives, `control` changes it."""

    def __init__(self, instance: Instance, status: dict[str, Any], worker: str) -> None:
        self.instance = instance
        self.control = Control(instance)
        self.worker = worker
        self._status = status

    @property
    def gateway(self) -> str:
        """The address that users know; AutionalError for a stack without a gateway."""
        if not self._status["gateway"]:
            raise AutionalError("this stack has no gateway", hint="choose another with --platform-stack")
        return str(self._status["gateway"])

    @cached_property
    def collector(self) -> str:
        """Where spans are sent to (OTLP over HTTP): a resource that takes them, else the platform's own telemetry."""
        from autional_cli.supervisor.topology import all_resources

        others = (getattr(resource, "otlp", None) for resource in all_resources(self.instance))
        return str(next(filter(None, others), self._status["dashboard"]))

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services that run."""
        return tuple(service["name"] for service in self._status["services"])

    @property
    def driver(self) -> str:
        """Which driver runs its servers."""
        return str(self._status["driver"])

    def url(self, service: str) -> str:
        """Return the address of one service, past the gateway. AutionalError for one that does not run."""
        for found in self._status["services"]:
            if found["name"] == service:
                return str(found["url"])
        raise AutionalError(
            f"there is no service {service!r} in this platform{suggest(service, self.services)}",
            hint=f"running: {', '.join(self.services)}",
        )


def bring_up(chosen: Chosen, lease: Lease, shown: Shown) -> Platform:
    """Start the platform or join those who use it. AutionalError with the output of what failed."""
    if not chosen.keep:
        for swept in sweep(chosen.root):
            shown.line(f"removed what an earlier run had left: instance {swept}")
    instance = Instance.open(chosen.root, chosen.instance)
    lease.take(chosen.timeout_s)
    with lease.starting(chosen.timeout_s):
        status = start(chosen, instance, shown)
    return Platform(instance, status, chosen.worker)


def start(chosen: Chosen, instance: Instance, shown: Shown) -> dict[str, Any]:
    """Do what `autional up` does; return the status."""
    from autional_cli.supervisor.client import attach_or_start, connect

    began = time.time()
    if chosen.keep:
        instance.create()
        (instance.home / KEPT).touch()
    elif (connection := connect(instance)) is None:
        instance.create()
        post_warden(chosen.root, chosen.instance)
    else:
        connection.__exit__()
    wanted: dict[str, Any] = {"services": [], "stack": chosen.stack, "driver": chosen.driver}
    with attach_or_start(instance, began=began) as connection:
        status: dict[str, Any] = connection.request(
            "up", shown.show, chosen.timeout_s, wait=True, began=began, **wanted
        )
    learn_instance(instance.home)
    shown.line(f"platform ready: instance {instance.name}, {status['gateway']}")
    return status


def leave(chosen: Chosen, lease: Lease) -> None:
    """Stop using the platform; the last user takes it down."""
    try:
        if lease.leave() and not chosen.keep:
            take_down(chosen.root, chosen.instance)
    finally:
        lease.close()


class Shown:
    """The progress of a start: every change of state with -v, and otherwise once it is slow."""

    def __init__(self, say: Say, *, aloud: bool) -> None:
        self._say = say
        self._aloud = aloud
        self._began = time.monotonic()
        self._held: list[str] = []

    def show(self, event: dict[str, Any]) -> None:
        """Take one event of the control protocol."""
        unit = event["unit"]
        if event["from"] in (None, unit["state"]) or unit["state"] == "pending":
            return
        self.line(f"{unit['state']:<9} {unit['name']}  {unit['reason'] or unit['status']}")

    def line(self, text: str) -> None:
        """Say a line, with the seconds since the beginning, or hold it back until this is slow."""
        elapsed = time.monotonic() - self._began
        self._held.append(f"{elapsed:6.2f}s  {text}".rstrip())
        if self._aloud or elapsed > SLOW_S:
            for held in self._held:
                self._say(held)
            self._held.clear()
