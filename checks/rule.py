"""What a rule is. One rule, one file in `checks/rules/`, named after its code; its docstring is `--explain`.

A rule may work at two times. *Per file*, while the one walk over the syntax tree goes by (`handlers`) or on the text
(`examine`): what it reports there is cached until that file changes, so it must depend on that file alone. *Over the
project* (`judge`), on the facts of all files: that runs every time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from checks.model import Finding, Fix, Lane, Tier

if TYPE_CHECKING:
    from checks.facts import FileView
    from checks.project import Project
    from checks.sources import Source

EVERY = ("*",)  # as `suffixes`: all files of text
Handler = Callable[[Any, "FileView"], None]


class Collector:
    """The per-file part: sees each file once, keeps notes. What it keeps is cached until the file changes."""

    code: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = (".py",)  # the files that it sees

    def wants(self, source: Source) -> bool:
        """Whether it looks at this file. It may depend on the path alone."""
        return True

    def prepare(self) -> None:
        """Load what the per-file part needs, before many files are examined by several processes."""
        return

    def handlers(self) -> Mapping[type[ast.AST], Handler]:
        """Return what is called for each node of these types, with the view of the file."""
        return {}

    def examine(self, source: Source, view: FileView) -> None:
        """Look at the bytes and lines of one file, before the walk."""
        return


def sees_files(one: Collector) -> bool:
    """Whether a collector has a per-file part at all."""
    kind = type(one)
    return kind.handlers is not Collector.handlers or kind.examine is not Collector.examine


class Rule(Collector):
    """One rule. `code` is its file's name in capitals, `title` what it demands in a line."""

    tier: ClassVar[Tier]
    title: ClassVar[str]
    lane: ClassVar[Lane] = Lane.STATIC
    aliases: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()  # what `checks/lanes/start.py` must have started for it
    optional: ClassVar[bool] = False  # nothing to examine is no finding for it (CHK00)

    def applies(self, project: Project) -> bool:
        """Whether this project has anything that the rule speaks of; if it has, finding nothing of it is CHK00."""
        return not self.optional

    def judge(self, project: Project) -> Iterator[Finding]:
        """Yield what is wrong over all files. Raises IncompleteError when it could not look."""
        yield from ()

    @classmethod
    def finding(cls, path: str, line: int, message: str, *, symbol: str = "", fix: Fix | None = None) -> Finding:
        """Return a finding of this rule."""
        return Finding(cls.code, cls.tier, path, line, message, symbol=symbol, fix=fix)
