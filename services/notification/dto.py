"""The wire types of notification."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.chassis.dto import Dto


class MessageOut(Dto):
    """An in-app message."""

    message_id: UUID
    kind: str
    title: str
    text: str
    created_at: datetime
    read: bool


class PreferencesIn(Dto):
    """The kinds of e-mail that are not wanted."""

    muted: Annotated[list[str], Field(max_length=50)]


class PreferencesOut(Dto):
    """The kinds of e-mail that are not wanted, and all that could be."""

    muted: list[str]
    can_mute: list[str]
