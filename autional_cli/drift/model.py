"""What a comparison of models and database finds: plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind (`column_type`, `index_missing` …), the object, and both sides as text.

    An empty side means that the object is not there. `mend` is the statement or command that brings the database to
    what the models say; one that starts with `--` is advice, because nothing does so without loss. `undo` is the way
    back, which a revision's downgrade needs. `by` is who may mend it: `operator`, or nothing for the service itself.
    """

    kind: str
    object: str
    model: str
    database: str
    mend: str
    undo: str = field(default="", compare=False)
    by: str = ""


@dataclass(frozen=True, slots=True)
class ServiceDrift:
    """Everything in which one service's database differs from its code. `revision` and `head` are empty for MongoDB."""

    name: str
    revision: str
    head: str
    differences: tuple[Difference, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether there is no difference."""
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in the JSON of `autional drift` (design: CLI)."""
        shown = [{key: value for key, value in asdict(d).items() if _is_told(key, value)} for d in self.differences]
        return {"name": self.name, "revision": self.revision, "head": self.head, "differences": shown}


def _is_told(key: str, value: str) -> bool:
    """Whether a field is in the JSON: `by` only where it is not the service itself."""
    return key != "undo" and (key != "by" or bool(value))
