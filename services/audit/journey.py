"""What a user sees of audit."""

from __future__ import annotations

from services.chassis.journey import Step, Traveller


async def query(user: Traveller) -> None:
    """The sign-in is in the trail, under the trace it happened in."""

    def holds_login(data: dict[str, list[dict[str, object]]]) -> bool:
        return any(item["trace_id"] == user.facts["login_trace"] for item in data["items"])

    await user.eventually("GET", "/api/v1/audit/events?type=user.logged_in", holds_login, what="the sign-in")


STEPS = (Step(name="audit.query", run=query, after=("identity.login",), repeats=True),)
