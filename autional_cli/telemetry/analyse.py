"""Everything that `autional trace` says about a trace, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.telemetry import completeness, critical_path, diagnose, gaps, root_cause
from autional_cli.telemetry.tree import build

if TYPE_CHECKING:
    from autional_cli.telemetry.completeness import Problem
    from autional_cli.telemetry.critical_path import Section
    from autional_cli.telemetry.finding import Finding
    from autional_cli.telemetry.gaps import Gap
    from autional_cli.telemetry.log_lines import Entry
    from autional_cli.telemetry.model import Backend, Trace
    from autional_cli.telemetry.root_cause import RootCause
    from autional_cli.telemetry.tree import Tree


@dataclass(slots=True, eq=False, repr=False)
class Analysis:
    """A trace, understood. Times in the tree and the paths are nanoseconds after its start."""

    trace_id: str
    backend: str
    tree: Tree
    problems: list[Problem]
    to_response: list[Section]
    to_completion: list[Section]
    gaps: list[Gap]
    findings: list[Finding]
    root_cause: RootCause | None
    logs: list[Entry]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing is still to come, as far as can be known."""
        return not any(problem.blocking for problem in self.problems)

    @property
    def services(self) -> list[str]:
        """The services of the trace in order of appearance."""
        return list(dict.fromkeys(node.span.service for node in self.tree.nodes))

    @property
    def completion_ns(self) -> int:
        """From the start of the request to the end of the last work that it set off: the length of that path."""
        last = self.to_completion[-1].end if self.to_completion else self.tree.primary.end
        return last - self.tree.primary.start


def analyse(trace: Trace, backend: Backend, *, now_ns: int, logs: list[Entry] | None = None) -> Analysis:
    """Analyse a trace of at least one span."""
    tree = build(trace.spans)
    response = critical_path.to_response(tree)
    return Analysis(
        trace_id=trace.trace_id,
        backend=backend.name,
        tree=tree,
        problems=completeness.judge(trace, tree, backend, now_ns),
        to_response=response,
        to_completion=critical_path.to_completion(tree),
        gaps=gaps.find(tree, response),
        findings=diagnose.diagnose(tree),
        root_cause=root_cause.find(tree),
        logs=logs or [],
    )
