"""Time and identifiers: aware UTC datetimes and UUIDv7 (RFC 9562), which sort by the time they were made."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils


def utcnow() -> datetime:
    """Return the present time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return UUID(int=uuid_utils.uuid7().int)
