"""What a user sees of notification."""

from __future__ import annotations

from services.chassis.journey import JourneyError, Step, Traveller


async def login_alert(user: Traveller) -> None:
    """A mail tells of the sign-in."""
    mail = await user.post.wait_for(to=user.email, subject="New sign-in", timeout_s=15)
    if user.facts.get("address", "127.0.0.1") not in mail.text:
        raise JourneyError(f"the alert does not say from where: {mail.text}")


async def messages(user: Traveller) -> None:
    """The same is told inside the application; it can be marked as read."""
    page = await user.eventually(
        "GET", "/api/v1/notification/messages", lambda data: bool(data["items"]), what="the in-app message"
    )
    await user.request("POST", f"/api/v1/notification/messages/{page['items'][0]['message_id']}/read")


STEPS = (
    Step(name="notification.login_alert", run=login_alert, after=("identity.login",)),
    Step(name="notification.messages", run=messages, after=("notification.login_alert",), repeats=True),
)
