"""The pieces of code with which a service asks others about a user, and shows what they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.scaffold.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.scaffold.callee import Callee
    from autional_cli.scaffold.design import Design

SHOWN = ("user_id", "session_id", "client_ip", "total", "by_status", "last_seen")  # fields of the read model itself
TAKEN = frozenset({"user", "summary", "peers", "activity", "view", "status", "router", "last_seen", "asyncio"})


def peer_values(design: Design) -> dict[str, object]:
    """Return what the templates need to know of the called services."""
    fields = shown_fields(design.calls)
    told = [(variable(design, callee), f"peers.{callee.service}(user.user_id)") for callee in design.calls]
    parameters = ["user: User", "peers: PeersDep"] if design.calls else ["user: User"]
    if design.database == "none" and design.consumes:
        told.append(("last_seen", "activity.of(user.user_id)"))
        parameters.append("activity: ActivityDep")
    state = [
        *(["peers=Peers(app.client)"] if design.calls else []),
        *(["activity=activity"] if design.consumes else []),
    ]
    return {
        "bare": not design.calls and not design.consumes,
        "one": len(told) == 1,
        "several": len(told) > 1,
        "answers": ", ".join(name for name, _ in told),
        "questions": ", ".join(question for _, question in told),
        "told": ", ".join(shown(variable(design, callee), fields[callee], callee) for callee in design.calls),
        "told_fields": "".join(f'"{field}", ' for field in fields.values()),
        "overview_fields": "\n".join(f"    {field}: {callee.kind} | None" for callee, field in fields.items()),
        "peer_views": "\n\n\n".join(view(callee) for callee in design.calls),
        "peer_methods": "\n\n".join(method(callee) for callee in design.calls),
        "none_state": ", ".join(state),
        "view_parameters": ", ".join(parameters),
        "view_text": view_text(design),
    }


def shown_fields(calls: Iterable[Callee]) -> dict[Callee, str]:
    """Return under which name each called service's field is shown; the service's name goes before it in doubt."""
    names: dict[Callee, str] = {}
    for callee in calls:
        taken = (*SHOWN, *names.values())
        names[callee] = f"{callee.service}_{callee.field}" if callee.field in taken else callee.field
    return names


def variable(design: Design, callee: Callee) -> str:
    """Return the variable that holds what a called service tells."""
    ours = {design.resource, plural(design.resource), *TAKEN}
    return f"{callee.service}_view" if callee.service in ours else callee.service


def shown(name: str, field: str, callee: Callee) -> str:
    """Return the argument that shows a field, or null where its service is away."""
    return f"{field}={name}.{callee.field} if {name} else None"


def view(callee: Callee) -> str:
    """Return the class that reads a called service's answer."""
    return (
        f"class {callee.service.capitalize()}View(BaseModel):\n"
        f'    """What is read of the answer of {callee.service}; it may tell more."""\n\n'
        f"    {callee.field}: {callee.kind}"
    )


def method(callee: Callee) -> str:
    """Return the method that asks a called service about a user."""
    kind = f"{callee.service.capitalize()}View"
    return (
        f"    async def {callee.service}(self, user_id: UUID) -> {kind} | None:\n"
        f'        """Return what {callee.service} tells about a user; None if it is away, or knows nothing."""\n'
        f'        call = self._client.call("{callee.service}", "GET", f"{callee.path}", timeout_s=_TIMEOUT_S)\n'
        f"        answer = await _unless_away(call)\n"
        f"        return None if answer is None else {kind}.model_validate(answer)"
    )


def view_text(design: Design) -> str:
    """Return how the docstring of a view goes on after "The signed-in user"."""
    parts = ["what other services tell of them"] if design.calls else []
    parts += ["when something last happened to them"] if design.consumes else []
    return "".join(f", {'and ' if part == parts[-1] else ''}{part}" for part in parts)
