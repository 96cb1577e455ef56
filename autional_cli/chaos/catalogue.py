"""The drills by name, and what a person typed as a checked order. Shared by the command and the supervisor."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_S = 300.0  # as long as services keep a rule at most
DEFAULT_S = 10.0
DEFAULT_MS = 300.0
DEFAULT_RATE = 0.2
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One kind of fault. `targets` are what its arguments are, in words; `instant` that nothing lasts and is undone."""

    targets: tuple[str, ...]
    summary: str
    undo: str
    instant: bool = False


DRILLS: Mapping[str, Drill] = {
    "latency": Drill(
        targets=("SERVICE",),
        summary="every request that SERVICE serves, HTTP and gRPC, waits --ms first",
        undo="the service forgets the rule when its time is over",
    ),
    "errors": Drill(
        targets=("SERVICE",),
        summary="a share --rate of the requests that SERVICE serves is answered with INTERNAL",
        undo="the service forgets the rule when its time is over",
    ),
    "cut": Drill(
        targets=("SERVICE", "SERVICE"),
        summary="calls between two services get no answer, in both directions; the bus between them works",
        undo="both services forget the rule when its time is over",
    ),
    "stop": Drill(
        targets=("SERVICE",),
        summary="SIGSTOP: SERVICE is there, accepts connections and never answers",
        undo="the supervisor sends SIGCONT; if it is killed, the guardian does",
    ),
    "kill": Drill(
        targets=("SERVICE|RESOURCE",),
        summary="kill -9 without warning",
        undo="the supervisor starts it again, as after any crash",
        instant=True,
    ),
    "pause-database": Drill(
        targets=(),
        summary="SIGSTOP to PostgreSQL and every one of its processes",
        undo="the supervisor sends SIGCONT; if it is killed, the guardian does",
    ),
    "disk-full": Drill(
        targets=(),
        summary="PostgreSQL refuses every write and serves reads, as managed servers do when their storage is used up",
        undo="the supervisor resets the setting; if it is killed, the next start begins without it",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A drill as it was asked for."""

    drill: str
    targets: tuple[str, ...] = ()
    for_s: float = DEFAULT_S
    ms: float = DEFAULT_MS
    rate: float = DEFAULT_RATE

    @property
    def title(self) -> str:
        """What is done, in a few words."""
        detail = {"latency": f" {self.ms:g} ms", "errors": f" {self.rate:.0%}"}.get(self.drill, "")
        return " ".join((self.drill, *self.targets)) + detail

    def to_json(self) -> dict[str, Any]:
        """Return it as the control protocol and the report have it."""
        return {**asdict(self), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Order:
        """Read and check the fields of a request."""
        return ordered(
            str(given.get("drill") or ""),
            [str(target) for target in given.get("targets") or ()],
            for_s=float(given.get("for_s", DEFAULT_S)),
            ms=float(given.get("ms", DEFAULT_MS)),
            rate=float(given.get("rate", DEFAULT_RATE)),
        )


def ordered(drill: str, targets: Sequence[str], *, for_s: float, ms: float, rate: float) -> Order:
    """Return the checked order. AutionalError (exit 2) for what there is not or cannot be."""
    known = DRILLS.get(drill)
    if known is None:
        raise AutionalError(f"there is no drill {drill!r}{suggest(drill, DRILLS)}", hint="autional chaos --list")
    if len(targets) != len(known.targets):
        given = " ".join(targets) or "nothing"
        wanted = " ".join((drill, *known.targets))
        raise AutionalError(f"{drill} was given {given}", hint=f"autional chaos {wanted}")
    if len(set(targets)) != len(targets):
        raise AutionalError(f"{drill} needs two different services", hint="autional chaos --list")
    _within("--for", for_s, 0.1, LONGEST_S, "s")
    _within("--ms", ms, 1, LONGEST_S * 1000, "ms")
    _within("--rate", rate, 0.01, 1, "(a share of the requests)")
    return Order(drill=drill, targets=tuple(targets), for_s=for_s, ms=ms, rate=rate)


def _within(option: str, value: float, least: float, most: float, unit: str) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise AutionalError(
            f"{option} {value:g} is out of range: at least {least:g} and at most {most:g} {unit}",
            hint="autional chaos --help",
        )


def duration(text: str, option: str = "--for") -> float:
    """Return the seconds in `10s`, `500ms`, `2m` or `10`. AutionalError (exit 2) for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise AutionalError(f"{option} {text!r} is not a duration", hint=f"write it like {option} 10s, 500ms or 2m")
    return float(found[1]) * _UNITS[found[2]]
