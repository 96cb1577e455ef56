"""Events and dead letters as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.events.letters import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.events.letters import Letter
    from autional_cli.events.replay import Replayed
    from autional_cli.events.tail import Seen

ERROR_SHOWN, SUBJECT_SHOWN, TRACE_SHOWN = 80, 36, 8


def show_event(seen: Seen, table: bool) -> None:
    """Print one event on one line."""
    if not table:
        render.line(seen.to_json())
        return
    event = seen.event
    note = f"  replayed for {seen.only}" if seen.only else ""
    when = event.time.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]
    subject = event.subject[:SUBJECT_SHOWN]
    render.out(
        f"{when}  {event.type:<28}  {event.source:<13}  {subject:<36}  {event.trace_id[:TRACE_SHOWN]}{note}".rstrip()
    )


def show_letter(letter: Letter) -> None:
    """Print all of one letter, and what to do next."""
    document = letter.to_json()
    document["buried_at"] = moment(letter, "%Y-%m-%dT%H:%M:%S.%f+00:00")
    width = max(map(len, document))
    for name, value in document.items():
        render.out(f"{name:<{width}}  {'' if value is None else value}".rstrip())
    if document["trace_id"]:
        render.note(f"look: autional trace {document['trace_id']}")
    render.note(f"then: autional events dlq replay {letter.name}, or drop")


def moment(letter: Letter, form: str) -> str:
    """Return when a letter was given up; the id of its entry where that is no moment."""
    try:
        return datetime.fromtimestamp(letter.buried_at, UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        return letter.entry


def show_letters(found: Sequence[Letter]) -> None:
    """Print letters, a line each."""
    rows = []
    for each in found:
        when = moment(each, "%Y-%m-%d %H:%M:%S")
        kind = each.event.type if each.event else "(no event)"
        trace = each.event.trace_id if each.event else ""
        rows.append((each.name, when, kind, str(each.attempts), trace[:TRACE_SHOWN], each.error[:ERROR_SHOWN]))
    render.table(("LETTER", "GIVEN UP (UTC)", "TYPE", "ATTEMPTS", "TRACE", "ERROR"), rows)


def show_replayed(results: Sequence[Replayed], dry_run: bool) -> None:
    """Print what became of each letter."""
    if not results:
        render.out("[]")
        return
    columns = ("LETTER", "TYPE", "" if dry_run else "OUTCOME", "")
    rows = [
        (each.letter.name, each.letter.event.type if each.letter.event else "", each.outcome or "", each.error)
        for each in results
    ]
    render.table(columns, rows)


def must_be_applied(results: Sequence[Replayed]) -> None:
    """Raise AutionalError for letters that were given up again (exit 6), or that nobody took yet (exit 5)."""
    dead = [each for each in results if each.outcome is Outcome.DEAD]
    waiting = [each for each in results if each.outcome is Outcome.WAITING]
    if dead:
        raise AutionalError(
            f"{len(dead)} of {len(results)} were given up again by {services_of(dead)}",
            hint="autional events dlq list; autional logs " + services_of(dead).replace(",", ""),
            exit_code=ExitCode.SERVICE_FAILED,
        )
    if waiting:
        raise AutionalError(
            f"{len(waiting)} of {len(results)} are on the bus and not applied yet by {services_of(waiting)}; "
            "they will be when it runs",
            hint=f"autional why {waiting[0].letter.service}",
            exit_code=ExitCode.WAIT_TIMED_OUT,
        )


def services_of(results: Sequence[Replayed]) -> str:
    """Return the services of letters, for a sentence."""
    return ", ".join(sorted({each.letter.service for each in results}))
