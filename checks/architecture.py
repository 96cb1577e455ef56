"""The architecture as it is declared: services, routes and events, and one digest over them.

The digest stands in AGENTS.md as `<!-- architecture: 0123456789abcdef -->`: when it differs, somebody changed the
architecture and has not looked at the map since. It covers no times, no order, no comments.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from checks.cache import Cache
from checks.facts.routes import Route, Routes
from checks.facts.specs import Spec, Specs
from checks.scan import scan
from checks.sources import listing

MARK = re.compile(r"<!-- architecture: ([0-9a-f]{16}) -->")
LEFT_OUT = {"line", "lines", "summary"}


def digest(specs: Iterable[Spec], routes: Iterable[Route]) -> str:
    """Return the digest of what services declare and which routes they have."""
    declared = [{k: v for k, v in asdict(spec).items() if k not in LEFT_OUT} for spec in specs]
    for each in declared:
        each |= {name: sorted(each[name]) for name in ("calls", "publishes", "consumes", "resources")}
    paths = sorted({(route.service, route.method, route.path) for route in routes})
    text = json.dumps([sorted(declared, key=lambda each: str(each["service"])), paths], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def current(root: Path) -> str:
    """Return the digest of a workspace as it is now."""
    entries = [entry for entry in listing(root) if entry.path.startswith("services/")]
    files = scan(root, entries, [Specs(), Routes()], Cache(root, forget=True)).values()
    specs = [Spec(**note) for record in files for note in record.notes.get(Specs.code, ())]
    routes = [Route(**note) for record in files for note in record.notes.get(Routes.code, ())]
    return digest(specs, routes)


def restamped(text: str, value: str) -> str:
    """Return the text of AGENTS.md with another digest."""
    return MARK.sub(f"<!-- architecture: {value} -->", text)
