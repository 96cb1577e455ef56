"""What a user does with identity."""

from __future__ import annotations

import re

from services.chassis.journey import JourneyError, Step, Traveller


async def register(user: Traveller) -> None:
    """Create an account."""
    body = {"email": user.email, "password": user.password}
    user.facts["user_id"] = (await user.request("POST", "/api/v1/identity/register", body, expect=201))["user_id"]


async def refuse_unverified(user: Traveller) -> None:
    """An account whose address is not confirmed cannot sign in."""
    error = await user.request("POST", "/api/v1/identity/login", credentials(user), expect=403)
    if error["error"] != "EMAIL_NOT_VERIFIED":
        raise JourneyError(f"expected EMAIL_NOT_VERIFIED, got {error}")


async def verify_email(user: Traveller) -> None:
    """Read the mail and confirm the address."""
    mail = await user.post.wait_for(to=user.email, subject="Confirm", timeout_s=15)
    found = re.search(r"token=([\w-]+)", mail.text)
    if found is None:
        raise JourneyError(f"the mail holds no token: {mail.text}")
    await user.request("POST", "/api/v1/identity/email/verify", {"token": found.group(1)})


async def refuse_wrong_password(user: Traveller) -> None:
    """A wrong password is refused, and gives nothing away."""
    body = {"email": user.email, "password": "not-the-password"}
    await user.request("POST", "/api/v1/identity/login", body, expect=401)


async def login(user: Traveller) -> None:
    """Sign in."""
    hold_tokens(user, await user.request("POST", "/api/v1/identity/login", credentials(user)))
    user.facts["login_trace"] = user.exchanges[-1].trace_id


async def me(user: Traveller) -> None:
    """Look at the joined view."""
    answer = await user.request("GET", "/api/v1/me")
    if answer["identity"]["email"] != user.email:
        raise JourneyError(f"/me shows somebody else: {answer}")


def credentials(user: Traveller) -> dict[str, str]:
    """Return the body of a login."""
    return {"email": user.email, "password": user.password}


def hold_tokens(user: Traveller, answer: dict[str, str]) -> None:
    """Keep the tokens of an answer."""
    if not answer.get("access_token"):
        raise JourneyError(f"the answer holds no access token: {sorted(answer)}")
    user.access_token, user.refresh_token = answer["access_token"], answer["refresh_token"]


STEPS = (
    Step(name="identity.register", run=register, repeats=True, publishes=("user.created",)),
    Step(name="identity.refuse_unverified", run=refuse_unverified, after=("identity.register",)),
    Step(
        name="identity.verify_email",
        run=verify_email,
        after=("identity.refuse_unverified",),
        publishes=("user.verified",),
    ),
    Step(
        name="identity.refuse_wrong_password",
        run=refuse_wrong_password,
        after=("identity.verify_email",),
        publishes=("user.login_failed",),
    ),
    Step(
        name="identity.login",
        run=login,
        after=("identity.refuse_wrong_password",),
        repeats=True,
        publishes=("user.logged_in", "session.created"),
    ),
    Step(name="identity.me", run=me, after=("identity.login",), repeats=True),
)
