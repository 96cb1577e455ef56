"""Replaying dead letters, and what must be known before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autional_cli.events.letters import Letter, Letters, Outcome
    from services.chassis.spec import ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A letter and what became of it; `outcome` is None when it was only looked at."""

    letter: Letter
    outcome: Outcome | None = None
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for `--format json`."""
        return {**self.letter.to_json(), "outcome": self.outcome, "error_now": self.error or None}


def consumers(specs: Mapping[str, ServiceSpec], named: Sequence[str]) -> list[str]:
    """Return the services named, or all that consume events. AutionalError for one that does not."""
    able = [name for name, spec in specs.items() if spec.consumes]
    for name in named:
        if name not in able:
            raise AutionalError(
                f"{name!r} consumes no events{suggest(name, able)}", hint=f"services that do: {', '.join(able)}"
            )
    return list(named) or able


def undeliverable(letters: Sequence[Letter], specs: Mapping[str, ServiceSpec]) -> dict[str, str]:
    """Return, by the names of letters, why: what was no event, or is of a type that its service does not consume."""
    found = {}
    for letter in letters:
        event = letter.event
        if event is None:
            found[letter.name] = f"{letter.name} is no event: {letter.error}"
        elif event.type not in specs[letter.service].consumes:
            found[letter.name] = f"{letter.service} does not consume {event.type}, as {letter.name} is"
    return found


def refuse(problems: Mapping[str, str]) -> None:
    """Raise AutionalError for letters that cannot be delivered, if there are any."""
    if problems:
        more = f", and {len(problems) - 1} more cannot be delivered" if len(problems) > 1 else ""
        raise AutionalError(
            next(iter(problems.values())) + more, hint=f"autional events dlq drop {' '.join(problems)} --yes"
        )


async def replay(box: Letters, letters: Sequence[Letter], until: float) -> list[Replayed]:
    """Replay letters, oldest first, and wait for all of them until `until` (of the monotonic clock)."""
    entries = [await box.replay(letter) for letter in letters]
    ended = await asyncio.gather(
        *(box.outcome(letter, entry, until) for letter, entry in zip(letters, entries, strict=True))
    )
    return [
        Replayed(letter=letter, outcome=outcome, error=error)
        for letter, (outcome, error) in zip(letters, ended, strict=True)
    ]
