"""Every rule, by code. A rule that cannot be loaded stops the run: a rule that vanishes silently protects nobody."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from checks.rule import Rule

RULES = Path(__file__).parent / "rules"


class RegistryError(Exception):
    """The folder of rules is not as it must be, or a rule was asked for that there is not."""


def load(folder: Path = RULES, package: str = "checks.rules") -> dict[str, Rule]:
    """Return the rules of a folder by code, in the order of their files' names.

    RegistryError for a file that cannot be imported, holds no rule or several, is not named as its rule, or has no
    docstring, and for a code that is there twice.
    """
    rules: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__":
            rule = _load_one(path, f"{package}.{path.stem}")
            if rule.code in rules:
                raise RegistryError(f"{path}: {rule.code} is there twice")
            rules[rule.code] = rule
    return rules


def _load_one(path: Path, name: str) -> Rule:
    try:
        module = importlib.import_module(name)
    except Exception as failure:
        raise RegistryError(f"{path}: cannot be imported: {type(failure).__name__}: {failure}") from failure
    found = [
        member
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, Rule) and member.__module__ == name
    ]
    if len(found) != 1:
        raise RegistryError(f"{path}: holds {len(found)} rules; one rule, one file")
    rule = found[0]()
    if rule.code != path.stem.upper():
        raise RegistryError(f"{path}: holds {rule.code}; the file is named after its rule")
    if not (module.__doc__ or "").strip():
        raise RegistryError(f"{path}: no docstring; it is what --explain shows")
    return rule


@cache
def rules() -> Mapping[str, Rule]:
    """Return all rules of this engine."""
    return load()


def explain(code: str) -> str:
    """Return a rule's harm, rule, fix and escape."""
    rule = pick([code])[0]
    text = (importlib.import_module(type(rule).__module__).__doc__ or "").strip()
    return f"{rule.code} {rule.tier.value} ({rule.lane.value}): {text}"


def pick(names: Iterable[str]) -> list[Rule]:
    """Return rules by code, family (`CON`) or alias. RegistryError with the nearest name for an unknown one."""
    known = rules()
    chosen: dict[str, Rule] = {}
    for name in names:
        found = [r for r in known.values() if r.code == name.upper() or name in r.aliases or r.code[:3] == name.upper()]
        if not found:
            names_known = [*known, *(alias for rule in known.values() for alias in rule.aliases)]
            near = get_close_matches(name.upper(), names_known, 1) or get_close_matches(name, names_known, 1)
            raise RegistryError(f"no rule is called {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        chosen |= {rule.code: rule for rule in found}
    return list(chosen.values())
