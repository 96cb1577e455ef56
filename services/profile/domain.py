"""The rules of profiles: no I/O."""

from __future__ import annotations

from zoneinfo import available_timezones

MAX_NAME = 100


def first_name_from(email: str) -> str:
    """Return a display name to begin with: the local part, made readable."""
    words = email.partition("@")[0].replace(".", " ").replace("_", " ").replace("-", " ").split()
    return (" ".join(word.capitalize() for word in words) or "New user")[:MAX_NAME]


def is_timezone(name: str) -> bool:
    """Return whether `name` is in the IANA time zone database."""
    return name in available_timezones()
