"""What the data lane found, as findings of the rules that speak of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from checks.model import Finding, IncompleteError, Lane
from checks.rule import Rule

if TYPE_CHECKING:
    from checks.project import Project


class DriftRule(Rule):
    """A rule about where models and the live databases of a kind differ.

    Its kinds of difference begin with one of `kinds`, where it names any, and with none of `others`.
    """

    lane = Lane.DATA
    database: ClassVar[str] = "postgres"
    kinds: ClassVar[tuple[str, ...]] = ()
    others: ClassVar[tuple[str, ...]] = ()

    def applies(self, project: Project) -> bool:
        return any(spec.database == self.database for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        """Yield the differences, then raise IncompleteError for services that nobody could look at."""
        data = project.data
        for name, drift in data.drift.items():
            spec = project.specs.get(name)
            if spec is None or spec.database != self.database:
                continue
            project.examined(self.code)
            path = f"services/{name}/{'models.py' if f'services/{name}/models.py' in project.files else 'service.py'}"
            for each in drift["differences"]:
                if self.is_about(each["kind"]):
                    sides = f"model {each['model'] or 'nothing'}; database {each['database'] or 'nothing'}"
                    message = f"{each['kind']} {each['object']}: {sides}. {each['mend']}"
                    yield self.finding(path, 0, " ".join(message.split()), symbol=f"{each['kind']} {each['object']}")
        absent = [
            name for name in data.absent if name in project.specs and project.specs[name].database == self.database
        ]
        if absent:
            raise IncompleteError(
                f"the running stack does not have {', '.join(absent)}", hint="autional up with a stack of all services"
            )

    def is_about(self, kind: str) -> bool:
        """Whether a kind of difference is the rule's."""
        return (not self.kinds or kind.startswith(self.kinds)) and not kind.startswith(self.others)
