"""Nothing listens beyond loopback by default.

Harm: a development platform with known passwords is reachable from every machine in the same café.
Rule: no `0.0.0.0`, `::` or `[::]` as an address in code, stack files or settings; comparing with one is no use of it.
Fix: `127.0.0.1`; in a container the address is given from outside (`AUTIONAL_HOST`).
Escape: none; P0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

EVERYWHERE = frozenset({"0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0"})  # noqa: S104 - what is looked for
ADDRESS = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])|\[::\]")


class Sec05(Rule):
    """Servers listen on loopback."""

    code = "SEC05"
    tier = Tier.P0
    title = "nothing listens beyond loopback by default"
    suffixes = (".py", ".yaml", ".yml")

    def wants(self, source: Source) -> bool:
        return source.path.startswith(("services/", "autional_cli/", "stacks/"))

    def examine(self, source: Source, view: FileView) -> None:
        view.examined()
        if source.suffix == ".py":
            return
        for number, line in enumerate(source.lines, 1):
            if ADDRESS.search(line.partition("#")[0]):
                view.report(number, "listens on every interface; write 127.0.0.1")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Constant: self.constant}

    def constant(self, node: ast.Constant, view: FileView) -> None:
        """Look at one text."""
        if node.value not in EVERYWHERE:
            return
        compared = any(isinstance(parent, ast.Compare) for parent in view.parents[-2:])
        if not compared:
            view.report(node, f"{node.value!r} listens on every interface; write 127.0.0.1")
