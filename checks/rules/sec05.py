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
from checks.facts.specs import name_of
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

EVERYWHERE = frozenset({"0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0"})  # noqa: S104 - what is looked for
PLACE = re.compile(r"(?i)(host|bind|addr|interface|listen)")
LISTENERS = frozenset({"bind", "create_server", "start_server", "TCPSite", "add_insecure_port"})
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
        """Look at one text. `::` is also a cast in SQL and much else: it counts where an address is given."""
        if node.value not in EVERYWHERE or any(isinstance(parent, ast.Compare) for parent in view.parents[-2:]):
            return
        if node.value == "::" and not is_address(view.parents):
            return
        view.report(node, f"{node.value!r} listens on every interface; write 127.0.0.1")


def is_address(parents: list[ast.AST]) -> bool:
    """Whether the innermost node stands where an address is given: an argument or a variable that is called so."""
    near = parents[-1]
    if isinstance(near, ast.keyword):
        return bool(PLACE.search(near.arg or ""))
    if isinstance(near, ast.arguments):
        return any(PLACE.search(each.arg) for each in (*near.posonlyargs, *near.args, *near.kwonlyargs))
    if isinstance(near, ast.Assign | ast.AnnAssign):
        targets = near.targets if isinstance(near, ast.Assign) else [near.target]
        return any(PLACE.search(name_of(each)) for each in targets)
    call = parents[-2] if isinstance(near, ast.Tuple) and len(parents) > 1 else near
    return isinstance(call, ast.Call) and name_of(call.func).rpartition(".")[2] in LISTENERS
