"""No token, password or personal data in logs.

Harm: logs are read by more people, kept longer and copied further than any database; a token in them is a login.
Rule: no logging call is given a value, by name or by what it reads, that is a password, token, secret, key, code,
e-mail address, phone number or address of a person. The chassis' redaction is the second line of defence, not this.
Fix: log an id; log that there was one, not what it was.
Escape: `autional: ignore[SEC04] reason="…" until=…` on the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import name_of
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

LOGGERS = frozenset({"log", "logger", "_log", "_logger", "logging"})
LEVELS = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})
SENSITIVE = re.compile(
    r"(^|_)(password|passwd|secret|token|tokens|authorization|cookie|otp|totp|recovery_code|private_key|api_key|"
    r"email|e_mail|phone|address|full_name|birth\w*|iban|card_number)$"
)
HARMLESS = re.compile(r"(^|_)(token_type|token_id|has_\w+|ip_address|server_address|bind_address|listen_address)$")


class Sec04(Rule):
    """Logs hold nothing personal."""

    code = "SEC04"
    tier = Tier.P1
    title = "no token or personal data in logs"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(("services/", "autional_cli/"))

    def applies(self, project: Any) -> bool:
        return bool(project.services)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at one logging call."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
            return
        if name_of(node.func.value).rpartition(".")[2] not in LOGGERS:
            return
        view.examined()
        for name in sorted(set(logged(node))):
            if SENSITIVE.search(name.lower()) and not HARMLESS.search(name.lower()):
                view.report(node, f"{name} is written to the log")


def logged(node: ast.Call) -> Iterator[str]:
    """Yield the names of what a call logs: its keywords, and what its arguments read."""
    for word in node.keywords:
        if word.arg:
            yield word.arg
        yield from read_names(word.value)
    for argument in node.args:
        yield from read_names(argument)


def read_names(node: ast.AST) -> Iterator[str]:
    """Yield the last name of each variable or attribute whose value enters; what is only counted or hashed does not."""
    if isinstance(node, ast.Call):
        if name_of(node.func) in ("len", "bool", "type", "hash", "fingerprint", "redacted"):
            return
        for each in (*node.args, *(word.value for word in node.keywords)):
            yield from read_names(each)
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    else:
        for child in ast.iter_child_nodes(node):
            yield from read_names(child)
