"""Cursors: opaque outside, exact inside."""

from __future__ import annotations

import pytest

from services.chassis.dto import decode_cursor, encode_cursor, uuid_cursor
from services.chassis.errors import BAD_CURSOR, ServiceError


@pytest.mark.parametrize("cursor", ["x", "!!!!", "W10", "WzEsMl0", "e30", "é", "\x00"])
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(ServiceError) as caught:
        decode_cursor(cursor, 1)
    assert caught.value.code is BAD_CURSOR


def test_cursors_come_back_as_they_went() -> None:
    identifier = "01a2021e-789e-70fc-9f91-850f162563f4"
    assert decode_cursor(encode_cursor("a", 7), 2) == ["a", 7]
    assert str(uuid_cursor(encode_cursor(identifier))) == identifier
    assert uuid_cursor("") is None
    with pytest.raises(ServiceError):
        uuid_cursor(encode_cursor("not an id"))
