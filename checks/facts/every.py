"""The collectors whose facts several rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.facts.definitions import Definitions
from checks.facts.errors import ErrorCodes, Names, Raises, RetiredCodes
from checks.facts.events import Publishes
from checks.facts.imports import Imports
from checks.facts.loads import Loads
from checks.facts.revisions import Revisions
from checks.facts.routes import Routes
from checks.facts.specs import Specs
from checks.facts.tables import SpokenTables, Tables

if TYPE_CHECKING:
    from checks.rule import Collector

COLLECTORS: tuple[Collector, ...] = (
    Imports(),
    Definitions(),
    Loads(),
    Specs(),
    Routes(),
    ErrorCodes(),
    RetiredCodes(),
    Raises(),
    Names(),
    Publishes(),
    Revisions(),
    Tables(),
    SpokenTables(),
)
