"""The rules of session: no I/O."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Status(StrEnum):
    """Where a session stands."""

    PENDING = "pending"  # the password was right, the second factor is due
    ACTIVE = "active"
    ENDED = "ended"


SESSION_LIFETIME = timedelta(days=30)
PENDING_LIFETIME = timedelta(minutes=5)
ACCESS_LIFETIME = timedelta(minutes=10)
# A client that lost the answer to a refresh may repeat it for this long and gets the same answer.
REUSE_GRACE = timedelta(seconds=10)
MAX_MFA_ATTEMPTS = 5


class Refresh(StrEnum):
    """What presenting a refresh token amounts to."""

    REPEATED = "repeated"  # the previous generation, moments after it was rotated
    REUSED = "reused"  # an authentic token of the past: somebody has a copy


def judge(presented: int, current: int, since_rotation: timedelta | None) -> Refresh:
    """Say what an authentic refresh token of generation `presented` means when `current` is the valid one."""
    if presented == current - 1 and since_rotation is not None and since_rotation <= REUSE_GRACE:
        return Refresh.REPEATED
    return Refresh.REUSED
