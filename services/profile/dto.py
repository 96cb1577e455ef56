"""The wire types of profile."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, field_validator

from services.chassis.dto import Dto
from services.profile.domain import MAX_NAME, is_timezone


class Preferences(Dto):
    """Typed preferences; an absent one keeps its default."""

    theme: Literal["system", "light", "dark"] = "system"
    compact_lists: bool = False
    newsletter: bool = False


class ProfileOut(Dto):
    """A profile."""

    user_id: UUID
    display_name: str
    locale: str
    timezone: str
    preferences: Preferences
    version: int
    updated_at: datetime


class ProfilePatch(Dto):
    """Changes to a profile; what is absent stays. With `version`, a change made meanwhile is a conflict."""

    display_name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None
    locale: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    preferences: Preferences | None = None
    version: int | None = None

    @field_validator("timezone")
    @classmethod
    def known_timezone(cls, value: str | None) -> str | None:
        """Refuse what is not in the IANA database."""
        if value is not None and not is_timezone(value):
            raise ValueError("not a time zone of the IANA database")
        return value
