"""The same servers as the chassis' tests."""

from __future__ import annotations

from tests.chassis.conftest import servers

__all__ = ["servers"]
