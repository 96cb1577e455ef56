"""No breaking change of a gRPC contract.

Harm: during a roll the old replicas of one service talk to the new ones of another; a field whose number has got
another type is read as something else, without an error.
Rule: against the base branch, no service, method, message or enum of a `.proto` is gone; a method takes, answers and
streams the same; a field's number keeps name, type and kind; what is gone leaves its number reserved.
Fix: add beside the old: a new field, message or method; mark the old one `deprecated = true`.
Escape: what the base branch has as `deprecated = true` may go, if its number is reserved.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks import protos
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Con13(Rule):
    """gRPC contracts only grow."""

    code = "CON13"
    tier = Tier.P0
    title = "no breaking .proto change against the base branch"

    def applies(self, project: Project) -> bool:
        return any(is_proto(path) for path in project.files)

    def judge(self, project: Project) -> Iterator[Finding]:
        here = sorted(path for path in project.files if is_proto(path))
        released = sorted(path for path in project.base.paths if is_proto(path)) if here or project.specs else []
        project.examined(self.code, len(here))
        if not here and not released:
            return
        also = f"{project.base.commit} {released}"
        for path, what in project.memo(self.code, here, lambda: compared(project, here, released), also=also):
            where = path if path in project.files else f"services/{path.split('/')[1]}/service.py"
            yield self.finding(where, 0, f"{path}: {what}" if where != path else what, symbol=what)


def is_proto(path: str) -> bool:
    """Whether a path is a service's contract."""
    return path.startswith("services/") and path.endswith(".proto")


def compared(project: Project, here: list[str], released: list[str]) -> list[tuple[str, str]]:
    """Return path and what of each change that breaks, or of files that do not compile."""
    before = {path: project.base.read(path) or b"" for path in released}
    after = {path: project.source(path).data for path in here}
    if before.items() <= after.items():
        return []  # protoc takes longer than all else
    try:
        now = protos.compiled(after)
    except protos.ProtoError as failure:
        return [(here[0], f"does not compile: {failure}")]
    try:
        then = protos.compiled(before)
    except protos.ProtoError:
        return []  # what did not compile then, is no promise
    return list(protos.breaking(then, now))
