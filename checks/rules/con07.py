"""Error numbers, names and ranges belong to one owner, and a status fits its kind.

Harm: two failures with one number cannot be told apart, by clients or in the logs.
Rule: no number and no name is registered twice over all services, or again once it is retired; each number lies in its
service's `error_codes`; ranges do not overlap; a status is 400 to 599.
Fix: take the next free number of the service's own range.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from checks.facts.errors import ErrorCode, ErrorCodes, Retired, RetiredCodes
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Con07(Rule):
    """Error codes do not clash."""

    code = "CON07"
    tier = Tier.P0
    title = "no duplicate error code, range or status conflict"
    aliases = ("check-error-codes",)

    def applies(self, project: Project) -> bool:
        return any(True for _ in project.facts(ErrorCodes, ErrorCode))

    def judge(self, project: Project) -> Iterator[Finding]:
        first: dict[object, ErrorCode] = {}
        retired = {key for _, each in project.facts(RetiredCodes, Retired) for key in (each.number, each.name)}
        for path, code in project.facts(ErrorCodes, ErrorCode):
            project.examined(self.code)
            for key, what in ((code.number, f"number {code.number}"), (code.name, f"name {code.name}")):
                if key is not None and first.setdefault(key, code) is not code:
                    owner = first[key].service or "the chassis"
                    yield self.finding(
                        path, code.line, f"{what} is {first[key].variable} of {owner}", symbol=code.variable
                    )
                elif key is not None and key in retired:
                    yield self.finding(path, code.line, f"{what} is retired", symbol=code.variable)
            yield from self.check_values(project, path, code)
        yield from self.check_ranges(project)

    def check_values(self, project: Project, path: str, code: ErrorCode) -> Iterator[Finding]:
        """Yield what is wrong with one code by itself."""
        spec = project.specs.get(code.service)
        if code.number is None or code.name is None or code.status is None:
            yield self.finding(
                path, code.line, f"{code.variable}: number, name and status are literals", symbol=code.variable
            )
            return
        if spec and len(spec.error_codes) == 2 and not spec.error_codes[0] <= code.number < spec.error_codes[1]:
            low, high = spec.error_codes
            message = f"{code.number} is outside {low} to {high - 1}, the range of {code.service}"
            yield self.finding(path, code.line, message, symbol=code.variable)
        if not 400 <= code.status <= 599:
            yield self.finding(
                path, code.line, f"status {code.status} is not an error (RFC 9110)", symbol=code.variable
            )
        if code.name != code.variable:
            message = f"the code {code.name} is in a variable {code.variable}; they bear one name"
            yield self.finding(path, code.line, message, symbol=code.variable)

    def check_ranges(self, project: Project) -> Iterator[Finding]:
        """Yield ranges that overlap."""
        specs = sorted((s for s in project.specs.values() if len(s.error_codes) == 2), key=lambda s: s.error_codes)
        for one, other in combinations(specs, 2):
            if other.error_codes[0] < one.error_codes[1]:
                path = f"services/{other.service}/service.py"
                line = other.lines.get("error_codes", other.line)
                yield self.finding(
                    path, line, f"range {other.error_codes} overlaps that of {one.service}", symbol="SPEC"
                )
