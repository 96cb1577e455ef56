"""The ports and error ranges of services that are planned and not written yet, and where all others begin.

AGENTS.md has the copy for people ("How to add a service"); `autional new tenant` takes what is reserved here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CODES_EACH = 100  # error numbers of one service
FIRST_FREE_PORT = 11016
FIRST_FREE_CODE, LAST_CODE = 2700, 8999  # from 9000 on they belong to services of tests


@dataclass(frozen=True, slots=True)
class Place:
    """The HTTP port of a service in the default block, and its first error number."""

    port: int
    first_code: int


RESERVED: Mapping[str, Place] = {
    "tenant": Place(11003, 1400),
    "oauth": Place(11006, 1700),
    "wallet": Place(11007, 1800),
    "point": Place(11008, 1900),
    "communication": Place(11011, 2200),
    "storage": Place(11012, 2300),
    "billing": Place(11013, 2400),
    "compliance": Place(11014, 2500),
    "rbac": Place(11015, 2600),
}
