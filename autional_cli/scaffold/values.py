"""What the templates are filled with: the design as words, lists and small pieces of code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.scaffold.design import FORGETS
from autional_cli.scaffold.peers import peer_values
from autional_cli.scaffold.reserved import CODES_EACH
from autional_cli.scaffold.template import render
from autional_cli.scaffold.words import plural, title_of, with_article

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.scaffold.design import Design

FIRST_STATUS, LAST_STATUS = "open", "done"
# Verbs that tell of a change rather than of a status that was reached.
CREATED, CHANGED = ("created",), ("changed", "updated")
# Events that every new user has caused by the time of the first login: journeys and tests can wait for them.
EARLY = ("user.created", "user.verified", "session.created", "user.logged_in")


def values_of(design: Design) -> dict[str, object]:
    """Return every value that some template names."""
    values: dict[str, object] = word_values(design) | spec_values(design) | status_values(design)
    values |= event_values(design) | peer_values(design)
    values["head"] = render("tests/head.py", values)
    return values


def word_values(design: Design) -> dict[str, object]:
    """Return the names of service and resource in their forms."""
    name, item, items = design.name, design.resource, plural(design.resource)
    article = with_article(item)
    return {
        "name": name,
        "Title": name.capitalize(),
        "item": item,
        "items": items,
        "Item": item.capitalize(),
        "Items": items.capitalize(),
        "CODE": name.upper() if name == item else f"{name}_{item}".upper(),
        "an_item": article,
        "a_record": article.replace(" ", "_"),
        "An_item": article.capitalize(),
    }


def spec_values(design: Design) -> dict[str, object]:
    """Return what SPEC says."""
    codes = {f"code{number}": design.first_code + number for number in range(4)}
    return codes | {
        "code_stop": design.first_code + CODES_EACH,
        "port": design.port,
        "stack": design.stack,
        "own_stack": not design.in_default,
        "publishes": bool(design.publishes),
        "consumes": bool(design.consumes),
        "calls": bool(design.calls),
        "publishes_tuple": literal(design.publishes),
        "consumes_tuple": literal(design.consumes),
        "calls_tuple": literal([callee.service for callee in design.calls]),
        "invokes_tuple": literal([f"{callee.service} GET {callee.path}" for callee in design.calls]),
    }


def status_values(design: Design) -> dict[str, object]:
    """Return the statuses of the resource: those that its events tell of, or an end."""
    statuses = list(dict.fromkeys((FIRST_STATUS, *(status for status, _ in moves(design)))))
    if len(statuses) == 1:
        statuses.append(LAST_STATUS)
    return {
        "statuses": ", ".join(f'"{status}"' for status in statuses),
        "sql_statuses": ", ".join(f"'{status}'" for status in statuses),
        "last_status": statuses[-1],
    }


def event_values(design: Design) -> dict[str, object]:
    """Return what is published when, and what is done with what is consumed."""
    created, changed, moving = lifecycle(design, CREATED), lifecycle(design, CHANGED), moves(design)
    arrivals = [kind for kind in design.consumes if kind != FORGETS]
    brought = moving[0] if moving else (FIRST_STATUS, created)
    arriving = next((kind for kind in EARLY if kind in arrivals), "")
    does = [word for word, some in (("publishes", design.publishes), ("consumes", design.consumes)) if some]
    return {
        "events_do": " and ".join(does),
        "created_event": function_of(created),
        "changed_event": function_of(changed),
        "moves": bool(moving),
        "announces": bool(moving or created),
        "announce_when": "is there or enters a status" if created else "enters a status",
        "publishers": "\n\n\n".join(publisher(design, kind) for kind in design.publishes),
        "entered_lines": "\n".join(f'    "{status}": {function_of(kind)},' for status, kind in moving),
        "arrivals": bool(arrivals),
        "arrival_lines": "\n".join(f'    "{k}": Arrival("{title_of(k)}", "{brought[0]}"),' for k in arrivals),
        "forgets": FORGETS in design.consumes,
        "handlers": handlers(design, arrivals),
        "arrives": bool(arriving),
        "arriving": arriving,
        "arriving_words": function_of(arriving),
        "arriving_title": title_of(arriving),
        "arriving_status": brought[0],
        "arriving_event": brought[1] if arriving else "",
        "moving_status": brought[0],
        "moving_event": moving[0][1] if moving else "",
    }


def lifecycle(design: Design, verbs: Sequence[str]) -> str:
    """Return the published event whose verb is one of `verbs`; empty if there is none."""
    return next((kind for kind in design.publishes if kind.partition(".")[2] in verbs), "")


def moves(design: Design) -> list[tuple[str, str]]:
    """Return the statuses that are told of when they are reached, each with its event."""
    told = {lifecycle(design, CREATED), lifecycle(design, CHANGED)}
    return [(kind.partition(".")[2], kind) for kind in design.publishes if kind not in told]


def publisher(design: Design, kind: str) -> str:
    """Return the function that publishes an event."""
    item, verb = design.resource, kind.partition(".")[2]
    article = with_article(item).capitalize()
    if kind == lifecycle(design, CREATED):
        told = f"{article} is there."
    elif kind == lifecycle(design, CHANGED):
        told = f"{article} was changed."
    else:
        told = f"{article} reached the status `{verb}`."
    return (
        f"def {function_of(kind)}(unit: UnitOfWork, {item}: {item.capitalize()}) -> None:\n"
        f'    """{told}"""\n'
        f'    unit.publish("{kind}", {item}.id, _about({item}))'
    )


def handlers(design: Design, arrivals: Sequence[str]) -> str:
    """Return the entries of the table from event to handler."""
    does = "note" if design.database == "none" else "bring"
    entries = [f'"{kind}": {does}' for kind in arrivals]
    if FORGETS in design.consumes:
        entries.append(f'"{FORGETS}": forget')
    return ", ".join(entries)


def function_of(kind: str) -> str:
    """Return an event type as an identifier."""
    return kind.replace(".", "_")


def literal(words: Sequence[str]) -> str:
    """Return a tuple of texts as code."""
    inside = ", ".join(f'"{word}"' for word in words)
    return f"({inside},)" if len(words) == 1 else f"({inside})"
