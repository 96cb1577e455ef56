"""What the data lane found, as findings of the rules that speak of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from checks.model import Finding, IncompleteError

if TYPE_CHECKING:
    from checks.project import Project
    from checks.rule import Rule


def differences(rule: Rule, project: Project, kinds: Mapping[str, bool]) -> Iterator[Finding]:
    """Yield the differences of a rule's kinds, then raise IncompleteError for services that nobody could look at.

    `kinds` maps beginnings of kinds to whether they are the rule's; with False alone, all others are its own.
    """
    database = "mongo" if rule.code == "DAT13" else "postgres"
    data = project.data
    for name, drift in data.drift.items():
        spec = project.specs.get(name)
        if spec is None or spec.database != database:
            continue
        project.examined(rule.code)
        path = f"services/{name}/{'models.py' if f'services/{name}/models.py' in project.files else 'service.py'}"
        for each in drift["differences"]:
            if belongs(each["kind"], kinds):
                sides = f"model {each['model'] or 'nothing'}; database {each['database'] or 'nothing'}"
                message = f"{each['kind']} {each['object']}: {sides}. {each['mend']}"
                yield rule.finding(path, 0, " ".join(message.split()), symbol=f"{each['kind']} {each['object']}")
    absent = [name for name in data.absent if name in project.specs and project.specs[name].database == database]
    if absent:
        raise IncompleteError(
            f"the running stack does not have {', '.join(absent)}", hint="autional up with a stack of all services"
        )


def belongs(kind: str, kinds: Mapping[str, bool]) -> bool:
    """Whether a kind of difference is among a rule's."""
    for beginning, wanted in kinds.items():
        if kind.startswith(beginning):
            return wanted
    return not any(kinds.values())
