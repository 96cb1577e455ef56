"""What is lost, and what is not, when services are stopped on purpose and stay so.

A request is lost if its connection broke, its answer never came, or it came in any other form than that of a clean
refusal. It is turned away, and not lost, only if all of this holds:

- it ended after the stop had begun (one that was on its way then may find the service gone when it arrives);
- what it asks for needs a service that was stopped (by `SPEC.calls`; everybody needs the gateway, and session);
- it was refused before anything was done: 503 UNAVAILABLE in an envelope with a trace id, or, with the gateway stopped,
  no connection at all. A connection that was made and then broke is a loss.

A message is lost if nobody has it any more. One that is due to a stopped consumer is kept if the bus still holds it for
the consumer's group (not given out yet, or not acknowledged), and one that a stopped producer owes if it is still in
its outbox: both go on as soon as the service runs again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.load.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from autional_cli.load.records import Records, Request
    from services.chassis.spec import ServiceSpec

GATEWAY = "gateway"
# The gateway asks session about every access token, and tells every capability's answer to its user.
EVERYBODY_NEEDS = frozenset({GATEWAY, "session"})
UNAVAILABLE = (503, "UNAVAILABLE")
NO_CONNECTION = "ClientConnectorError:"


def turn_away(records: Records, stopped: Mapping[str, float], specs: Mapping[str, ServiceSpec]) -> None:
    """Mark the failed requests that were turned away; `stopped` has the Unix second each service's stop began in."""
    for request in records.failed():
        if any(is_turned_away(request, name, since, specs) for name, since in stopped.items()):
            request.outcome = Outcome.TURNED_AWAY


def is_turned_away(request: Request, stopped: str, since: float, specs: Mapping[str, ServiceSpec]) -> bool:
    """Return whether a failed request was cleanly refused for want of the service `stopped`, gone since `since`."""
    if request.at + request.ms / 1000 < since:
        return False
    if stopped == GATEWAY and not request.status and request.error.startswith(NO_CONNECTION):
        return True
    refused = (request.status, request.code) == UNAVAILABLE and bool(request.trace_id)
    return refused and stopped in needed(asked(request), specs)


def asked(request: Request) -> str:
    """Return the service that a request asks: that of its route, or for the gateway's own routes that of its step."""
    parts = request.path.partition("?")[0].split("/")
    return parts[3] if len(parts) > 4 and parts[1:3] == ["api", "v1"] else request.capability.partition(".")[0]


def needed(service: str, specs: Mapping[str, ServiceSpec]) -> Collection[str]:
    """Return what `service` may honestly fail without: itself, what it calls, directly or not, and what all need."""
    reached, waiting = set(EVERYBODY_NEEDS), [service]
    while waiting:
        name = waiting.pop()
        if name not in reached or name == service:
            reached.add(name)
            waiting += [call for call in specs[name].calls if call not in reached] if name in specs else []
    return reached
