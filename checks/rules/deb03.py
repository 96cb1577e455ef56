"""A suppression suppresses something.

Harm: a suppression that nothing needs hides the next finding of its rule on that line.
Rule: each code that a suppression names is a rule, and that rule finds something on that line.
Fix: `--fix` removes it.
Escape: none needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from checks import registry
from checks.model import Edit, Finding, Fix, Tier
from checks.project import Project
from checks.rule import Rule
from checks.suppressions import Suppression


class Deb03(Rule):
    """Suppressions are used. The engine calls `judge_file` once it knows which were."""

    code = "DEB03"
    tier = Tier.P1
    title = "no unused suppression"
    aliases = ("check-debt",)
    optional = True

    @classmethod
    def judge_file(
        cls,
        project: Project,
        path: str,
        ones: Iterable[Suppression],
        used: Collection[tuple[str, int, str]],
        looked: Collection[str],
    ) -> Iterator[Finding]:
        """Yield suppressions of unknown rules, and of rules that looked and found nothing there."""
        for one in ones:
            if one.problem:
                continue  # DEB02 speaks of it
            unknown = [code for code in one.codes if code not in registry.rules()]
            idle = [code for code in one.codes if code in looked and (path, one.line, code) not in used]
            if unknown:
                yield cls.finding(path, one.line, f"no rule is called {', '.join(unknown)}")
            if idle and not unknown:
                whole = len(idle) == len(one.codes)
                message = f"{', '.join(idle)} finds nothing here; remove {'the suppression' if whole else 'it'}"
                yield cls.finding(path, one.line, message, fix=removal(project, path, one) if whole else None)


def removal(project: Project, path: str, one: Suppression) -> Fix:
    """Return the fix that removes a comment: its line, or the end of a line with code."""
    source = project.source(path)
    text = source.lines[one.line - 1]
    at = text.index("autional: ignore")
    begin = max(text.rfind(mark, 0, at) for mark in ("#", "--", "<!--", "//"))
    kept = text[:begin].rstrip()
    start = source.offset(one.line, len(kept.encode()))
    end = source.offset(one.line, len(text.encode()))
    if not kept:
        start, end = source.offset(one.line, 0), min(end + 1, len(source.data))
    return Fix("remove the suppression", (Edit(path, start, end, ""),))
