"""Modules as a service has many of: a value with rules, a ledger, SQL; and tests that use every name. Seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NOUNS = [
    "agreement", "allowance", "appendix", "approval", "assignment", "balance", "batch", "bulletin", "calendar",
    "campaign", "channel", "claim", "clause", "contract", "coupon", "credit", "delivery", "deposit", "digest",
    "dispute", "document", "donation", "draft", "envoy", "escrow", "estimate", "excerpt", "export", "forecast", "grant",
    "guideline", "holding", "importer", "incident", "instalment", "invitation", "invoice", "itinerary", "ledger",
    "licence", "mandate", "manifest", "memo", "merger", "milestone", "notice", "offer", "order", "outline", "parcel",
    "partner", "payout", "permit", "pledge", "portfolio", "posting", "premium", "proposal", "purchase", "quota",
    "quote", "receipt", "refund", "register", "reminder", "renewal", "report", "request", "reserve", "revision",
    "reward", "roster", "sample", "schedule", "scheme", "segment", "settlement", "shipment", "snapshot", "statement",
    "subsidy", "summary", "survey", "tariff", "template", "ticket", "tier", "transfer", "treaty", "trial", "upgrade",
    "valuation", "variation", "voucher", "waiver", "warrant",
]  # fmt: skip
FIELDS = {
    "label": "text", "region": "text", "channel": "text", "comment": "text", "origin": "text", "category": "text",
    "amount": "number", "weight": "number", "position": "number", "attempts": "number", "priority": "number",
    "opened": "moment", "closed": "moment", "confirmed": "moment", "active": "flag", "shared": "flag", "final": "flag",
}  # fmt: skip
TYPES = {"text": "str", "number": "int", "moment": "datetime", "flag": "bool"}
SAMPLES = {
    "text": '"north"', "number": "7", "moment": "datetime(2026, 3, 1, 12, 30, tzinfo=UTC)", "flag": "True",
}  # fmt: skip
WRONG = {"text": '""', "number": "-1", "moment": '"soon"', "flag": '"maybe"'}
CHECKS = {
    "text": """    text = str(value).strip()
    if not text or len(text) > LONGEST:
        raise ValueError(f"{field} has {{len(text)}} characters; 1 to {{LONGEST}}")
    return text
""",
    "number": """    number = int(value)
    if not 0 <= number <= {limit}:
        raise ValueError(f"{field} is {{number}}; 0 to {limit}")
    return number
""",
    "moment": """    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{field} has no time zone: {{value}}")
    return moment
""",
    "flag": """    if isinstance(value, bool):
        return value
    if str(value).lower() not in ("yes", "no"):
        raise ValueError(f"{field} is {{value!r}}; yes or no")
    return str(value).lower() == "yes"
""",
}
HEAD = '''"""{Nouns} of {service}: the values, their rules, and where they are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.chassis.errors import NOT_FOUND, ServiceError
{uses}
LONGEST = {longest}


@dataclass(frozen=True, slots=True)
class {Noun}:
    """One {noun}, as it was last written."""

    key: str
{declared}
    written_at: datetime

    def age(self, now: datetime) -> timedelta:
        """Return how long ago it was written."""
        return now - self.written_at
'''
TAIL = '''

def read_{noun}(key: str, values: Mapping[str, Any]) -> {Noun}:
    """Return the {noun} that these values describe. ValueError for the first that is wrong."""
    return {Noun}(
        key=key,
{given}
        written_at=utcnow(),
    )


class {Noun}Ledger:
    """The {nouns} that are at hand, by key."""

    def __init__(self, ones: Iterable[{Noun}] = ()) -> None:
        self._ones = {{one.key: one for one in ones}}

    def take(self, key: str) -> {Noun}:
        """Return one. Raises `NOT_FOUND`."""
        one = self._ones.get(key)
        if one is None:
            raise ServiceError(NOT_FOUND)
        return one

    def enter(self, one: {Noun}) -> None:
        """Keep one, in the place of what was there."""
        self._ones[one.key] = one

    def amend_{noun}(self, key: str, **values: Any) -> {Noun}:
        """Change one and return it. Raises `NOT_FOUND`."""
        changed = replace(self.take(key), **values, written_at=utcnow())
        self.enter(changed)
        return changed

    def expire(self, limit: timedelta, now: datetime) -> list[str]:
        """Remove those that are older than a limit and return their keys."""
        old = [key for key, one in self._ones.items() if one.age(now) > limit]
        for key in old:
            del self._ones[key]
        return old

    def counts(self) -> Counter[{counted_type}]:
        """Return how many there are of each {counted}."""
        return Counter(one.{counted} for one in self._ones.values())

    def __iter__(self) -> Iterator[{Noun}]:
        return iter(sorted(self._ones.values(), key=lambda one: one.key))


async def fetch_{noun}(session: AsyncSession, key: str) -> Mapping[str, Any] | None:
    """Return the row of one {noun}."""
    statement = text("SELECT {columns} FROM {nouns} WHERE key = :key")
    return (await session.execute(statement, {{"key": key}})).mappings().one_or_none()


async def drop_{noun}(session: AsyncSession, before: datetime) -> int:
    """Remove the {nouns} written before a moment, and return how many rows that were."""
    statement = text("DELETE FROM {nouns} WHERE written_at < :before RETURNING key")
    done = await session.execute(statement, {{"before": before}})
    return len(done.all())


def describe_{noun}(one: {Noun}) -> str:
    """Return one {noun} in a line, for people."""
    parts = [f"{noun} {{one.key}}"]
{described}
    return ", ".join(parts)
'''
TEST_HEAD = '''"""{Nouns} of {service}: what is taken, refused, kept and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.{service} import {nouns}
from services.{service}.{nouns} import {Noun}Ledger, describe_{noun}, read_{noun}

VALUES: dict[str, Any] = {{
{values}
}}
SQL = ({nouns}.fetch_{noun}, {nouns}.drop_{noun})


def test_{noun}_is_read_from_its_values() -> None:
    one = read_{noun}("a", VALUES)
    assert one.key == "a"
    assert describe_{noun}(one).startswith("{noun} a")
    assert len(SQL) == 2


@pytest.mark.parametrize(("field", "wrong"), [{wrong}])
def test_{noun}_refuses_what_is_wrong(field: str, wrong: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_{noun}("a", VALUES | {{field: wrong}})


def test_{noun}_ledger_forgets_the_old() -> None:
    ledger = {Noun}Ledger([read_{noun}("a", VALUES)])
    ledger.enter(read_{noun}("b", VALUES))
    now = datetime.now(UTC)
    assert ledger.expire(timedelta(days=1), now) == []
    assert sorted(ledger.expire(timedelta(days=1), now + timedelta(days=2))) == ["a", "b"]
    assert not list(ledger)


def test_{noun}_ledger_counts_and_amends() -> None:
    ledger = {Noun}Ledger([read_{noun}("a", VALUES)])
    assert sum(ledger.counts().values()) == 1
    assert ledger.amend_{noun}("a", {first}={first_sample}).{first} == {first_sample}
'''


@dataclass(frozen=True, slots=True)
class Module:
    """One generated module: its service, its noun, and the fields of its value."""

    service: str
    noun: str
    fields: tuple[str, ...]
    before: str  # the noun of a module of the same service that it imports; empty for none
    seed: int

    @property
    def nouns(self) -> str:
        """The plural, which is the module's name."""
        return f"{self.noun[:-1]}ies" if self.noun.endswith("y") else f"{self.noun}s"

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield path and text of the module and of its tests, before formatting."""
        yield f"services/{self.service}/{self.nouns}.py", self.code()
        yield f"tests/services/{self.service}/test_{self.nouns}.py", self.tests()

    def words(self) -> dict[str, str]:
        """Return what the texts above leave open."""
        kinds = {name: FIELDS[name] for name in self.fields}
        first = self.fields[0]
        return {
            "service": self.service, "noun": self.noun, "Noun": self.noun.capitalize(), "nouns": self.nouns,
            "Nouns": self.nouns.capitalize(), "longest": str(40 + self.seed % 60), "uses": self.uses(),
            "declared": "\n".join(f"    {name}: {TYPES[kind]}" for name, kind in kinds.items()),
            "given": "\n".join(f'        {name}=check_{self.noun}_{name}(values["{name}"]),' for name in kinds),
            "counted": first, "counted_type": TYPES[kinds[first]], "columns": ", ".join(("key", *kinds)),
            "described": "\n".join(f'    parts.append(f"{name} {{one.{name}}}")' for name in kinds),
            "values": "\n".join(f'    "{name}": {SAMPLES[kind]},' for name, kind in kinds.items()),
            "wrong": ", ".join(f'("{name}", {WRONG[kind]})' for name, kind in kinds.items()),
            "first": first, "first_sample": SAMPLES[kinds[first]],
        }  # fmt: skip

    def uses(self) -> str:
        """Return the import of another module of the service, so that there is a graph."""
        if not self.before:
            return ""
        other = Module(self.service, self.before, (), "", 0)
        return f"from services.{self.service}.{other.nouns} import LONGEST as LONGEST_OF_{self.before.upper()}\n"

    def code(self) -> str:
        """Return the module."""
        limit = f"LONGEST_OF_{self.before.upper()}" if self.before else str(100 + self.seed % 900)
        checks = [
            f"\n\ndef check_{self.noun}_{name}(value: Any) -> {TYPES[FIELDS[name]]}:\n"
            f'    """Return the {name} of a {self.noun}. ValueError for what is none."""\n'
            + CHECKS[FIELDS[name]].format(field=name, limit="{" + limit + "}" if self.before else limit)
            for name in self.fields
        ]
        body = "".join(checks).replace("<= {" + limit + "}", f"<= {limit}")
        return HEAD.format(**self.words()) + body + TAIL.format(**self.words())

    def tests(self) -> str:
        """Return the tests."""
        return TEST_HEAD.format(**self.words())


def modules(services: Sequence[str], each: int, seed: int = 16) -> Iterator[Module]:
    """Yield `each` modules for every service."""
    chance = random.Random(seed)
    for service in services:
        before = ""
        for noun in chance.sample([noun for noun in NOUNS if noun not in ("ledger", "summary")], each):
            fields = tuple(chance.sample(sorted(FIELDS), 10))
            yield Module(service, noun, fields, before, chance.randrange(1000))
            before = noun
