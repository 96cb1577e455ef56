"""The rules of profiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profile.domain import MAX_NAME, first_name_from, is_timezone


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("marie.curie@example.org", "Marie Curie"),
        ("ada_lovelace-king@example.org", "Ada Lovelace King"),
        ("x@example.org", "X"),
        ("...@example.org", "New user"),
        ("", "New user"),
    ],
)
def test_a_first_name_is_made_from_the_address(email: str, name: str) -> None:
    assert first_name_from(email) == name


@given(st.text())
def test_a_first_name_is_never_empty_or_too_long(email: str) -> None:
    assert 0 < len(first_name_from(email)) <= MAX_NAME


@pytest.mark.parametrize(("name", "known"), [("Europe/Paris", True), ("UTC", True), ("Mars/Base", False), ("", False)])
def test_time_zones_are_those_of_the_iana_database(name: str, known: bool) -> None:
    assert is_timezone(name) is known
