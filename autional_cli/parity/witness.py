"""A traveller whose every answer is kept for the comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autional_cli.parity.observation import Answer
from autional_cli.parity.shape import shape, template
from services.chassis.journey import Traveller

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True, kw_only=True)
class Witness(Traveller):
    """Keeps answers and the traces they happened in. Of a question asked again and again only the last answer counts,
    since how often it was asked is a matter of time."""

    answers: list[Answer] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Begin another step."""
        self.answers, self.traces = [], []
        self.exchanges.clear()

    async def send(
        self, method: str, path: str, json: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, keep what it was answered, and return status and envelope."""
        status, document = await Traveller.send(self, method, path, json, headers=headers)
        answer = Answer(method, template(path), status, shape(document))
        again = bool(self.answers) and (self.answers[-1].method, self.answers[-1].path) == (method, answer.path)
        if again and method == "GET":
            self.answers[-1], self.traces[-1] = answer, self.exchanges[-1].trace_id
        else:
            self.answers.append(answer)
            self.traces.append(self.exchanges[-1].trace_id)
        return status, document
