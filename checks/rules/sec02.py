"""Every route says who may call it.

Harm: a route that somebody forgot to protect is found by whoever looks for one.
Rule: each route depends on `User`, `Visitor` (public, on purpose) or `Peer` (another service); routes under
`/v1/internal/` are for `Peer` alone, and no other route is.
Fix: add `caller: User` (or `Visitor`, `Peer`) to the route's parameters.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Sec02(Rule):
    """Routes declare their callers."""

    code = "SEC02"
    tier = Tier.P0
    title = "no route without auth that is not declared public"
    lane = Lane.CONTRACT

    def judge(self, project: Project) -> Iterator[Finding]:
        for contract in project.contract.services.values():
            for each in contract.operations:
                project.examined(self.code)
                what = f"{each.method} {each.route}"
                internal = "/internal/" in each.route
                if not each.callers:
                    message = f"{what} does not say who may call it; take User, Visitor or Peer"
                elif internal and each.callers != ["peer"]:
                    message = f"{what} is internal, and is open to {' and '.join(each.callers)}"
                elif not internal and "peer" in each.callers:
                    message = f"{what} takes a Peer, but the gateway routes there; put it under /v1/internal/"
                else:
                    continue
                yield self.finding(each.path, each.line, message, symbol=each.function)
