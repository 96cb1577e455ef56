"""Registered events: `services/<name>/events.json` maps each published type to its version and its fields.

The version counts compatible changes. A change that breaks consumers is not a version: it is another type.
"""

from __future__ import annotations

import json
from typing import Any

from checks.facts.events import Published, Publishes
from checks.project import Project

UNKNOWN = "of no type that can be told: annotate what it is made of"
Registered = dict[str, dict[str, Any]]


def place(service: str) -> str:
    """Return where a service's events are registered."""
    return f"services/{service}/events.json"


def parse(data: bytes | None) -> Registered:
    """Return what a file registers. ValueError for what is not of the form."""
    found = json.loads(data) if data else {}
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError("not a map of event types")
    return found


def declared(project: Project, service: str) -> dict[str, tuple[str, Published]]:
    """Return what a service's code publishes: type → (path, the first place that says its fields)."""
    found: dict[str, tuple[str, Published]] = {}
    for path, one in project.facts(Publishes, Published):
        if one.service == service and one.type and (one.type not in found or found[one.type][1].data is None):
            found[one.type] = (path, one)
    return found


def updated(present: Registered, code: dict[str, tuple[str, Published]]) -> Registered:
    """Return what should be registered: the fields that the code says, one version higher where they differ."""
    after: Registered = {}
    for kind, (_, one) in sorted(code.items()):
        before, fields = present.get(kind), dict(sorted((one.data or {}).items()))
        if before is None:
            after[kind] = {"version": 1, "data": fields}
        else:
            version = int(before.get("version", 1)) + (before.get("data") != fields)
            after[kind] = {"version": version, "data": fields}
    return after


def broken(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return what consumers can no longer rely on."""
    found = [f"the field {name} is gone" for name in sorted(before) if name not in after]
    for name in sorted(before.keys() & after.keys()):
        old, new = set(before[name].split("|")), set(after[name].split("|"))
        if "any" in old or new <= old | ({"integer"} if "number" in old else set()):
            continue  # nothing was promised, or nothing else comes
        found.append(f"{name} was {before[name]} and is {after[name] if 'any' not in new else UNKNOWN}")
    return found


def written(registered: Registered) -> str:
    """Return the text of a file of registered events."""
    return json.dumps(registered, indent=1, sort_keys=True) + "\n"
