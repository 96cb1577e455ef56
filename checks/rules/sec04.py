"""No token, password or personal data in logs.

Harm: logs are read by more people, kept longer and copied further than any database; a token in them is a login.
Rule: no logging call is given a value, by name or by what it reads, that is a password, token, secret, key, code,
e-mail address, phone number or address of a person: as an argument, in a text, in `extra`, bound for later, by a helper
that logs what it is given, in services by `print` too. That there is one, or how long it is, may be said.
Not seen: an object that holds such a value and is logged as a whole; a value whose name says nothing.
The chassis' redaction is the second line of defence, not this.
Fix: log an id; log that there was one, not what it was.
Escape: `autional: ignore[SEC04] reason="…" until=…` on the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.bindings import text_of
from checks.facts import FileView
from checks.facts.specs import name_of
from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import arguments, is_ours, met, note_given, note_sink
from checks.rule import Rule
from checks.sources import Source
from checks.texts import KEEPING

LOGGERS = frozenset({"log", "logger", "_log", "_logger", "logging"})
MADE = re.compile(r"(getLogger|get_logger|getChild|LoggerAdapter)\(\)")
LEVELS = frozenset({"debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log", "msg"})
BINDERS = frozenset({"bind", "new", "bind_contextvars", "bound_contextvars", "contextualize", "LoggerAdapter"})
WRITERS = frozenset({"print", "sys.stdout.write", "sys.stderr.write", "warnings.warn", "pprint.pprint"})
SENSITIVE = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|secret|token|tokens|jwt|authorization|cookie|otp|totp|recovery_codes?|"
    r"private_key|api_key|secret_key|access_key|email|e_mail|phone|address|full_name|birth\w*|iban|card_number|ssn)$"
)
HARMLESS = re.compile(
    r"(^|_)(token_type|token_id|has_\w+|ip_address|(server|bind|listen|socket|local|remote)_address)$"
)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-. ]")
# What is counted, hashed or only asked about does not enter.
TELLING = frozenset(
    {"len", "bool", "type", "hash", "id", "isinstance", "callable", "any", "all"}
    | {"fingerprint", "redacted", "redact", "mask", "masked"}
)
ASKING = frozenset(
    {"count", "startswith", "endswith", "isdigit", "isalnum", "isalpha", "isdecimal", "index", "find", "keys"}
    | {"fingerprint", "redacted", "redact", "mask", "masked", "digest", "hexdigest", "blake2b", "sha256", "sha512"}
)
JUDGING = re.compile(r"^_*(is|has|can|verify|check|count|find|exists|validate|matches|compare|valid|lookup)(_|$)")
GIVING = KEEPING | {"get_secret_value", "hex", "format", "join", "replace", "items", "values", "copy", "model_dump"}
FETCHING = frozenset({"get", "pop", "getattr", "setdefault", "__getitem__", "getlist", "itemgetter"})


class Sec04(Rule):
    """Logs hold nothing personal."""

    code = "SEC04"
    tier = Tier.P1
    title = "no token or personal data in logs"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(("services/", "autional_cli/"))

    def applies(self, project: Project) -> bool:
        return bool(project.services)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at one logging call, and note what a function of ours is given that it may log."""
        name = view.names.called(node)
        if is_logging(node, name, view):
            view.examined()
            for found in sorted(set(logged(node, view))):
                if is_sensitive(found):
                    view.report(node, f"{found} is written to the log")
            for _, value in arguments(node, view):
                for each in entering(value):
                    if isinstance(each, ast.Name) and not is_sensitive(each.id):
                        note_sink(view, each, "log")
        elif is_ours(name) and view.service:
            self.ours(node, view)

    @staticmethod
    def ours(node: ast.Call, view: FileView) -> None:
        """Note what a function of ours is given that must not be logged."""
        for place, value in arguments(node, view):
            if isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.JoinedStr | ast.Call):
                told = next(filter(is_sensitive, read_names(value, view)), "")
                if told:
                    note_given(view, node, place, told)

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, note, _ in met(project, self.code):
            message = f"{note['given']} writes {note['what']} to the log"
            yield self.finding(path, note["line"], message, symbol=note["symbol"])


def is_logging(node: ast.Call, name: str, view: FileView) -> bool:
    """Whether a call writes to a log, or binds what later calls write."""
    if name in WRITERS:
        return bool(view.service)
    receiver, _, last = name.rpartition(".")
    if not last and isinstance(node.func, ast.Attribute):
        last = node.func.attr
    if last in ("bind_contextvars", "bound_contextvars", "LoggerAdapter"):
        return True
    if last not in LEVELS | BINDERS:
        return False
    written = name_of(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    bare = receiver.removesuffix("()").rpartition(".")[2]
    return written.rpartition(".")[2] in LOGGERS or bare in LOGGERS or bool(MADE.search(receiver))


def is_sensitive(name: str) -> bool:
    """Whether a name says that its value is secret or personal, in whatever spelling."""
    plain = CAMEL.sub("_", name).lower()
    return bool(SENSITIVE.search(plain)) and not HARMLESS.search(plain)


def logged(node: ast.Call, view: FileView) -> Iterator[str]:
    """Yield the names of what a call logs: its keywords, and what its arguments read."""
    for place, value in arguments(node, view):
        if isinstance(place, str) and reveals(value):
            yield place
        yield from read_names(value, view)


def read_names(node: ast.AST, view: FileView) -> Iterator[str]:
    """Yield the last name of each variable, attribute or item whose value enters, and of what a variable stands for."""
    for each in entering(node):
        if not isinstance(each, ast.Name):
            yield last_name(each, view)
            continue
        values = [value for value in view.names.values(each) if value is not each]
        if not values or any(map(reveals, values)):
            yield each.id
        for value in values:
            yield from (last_name(one, view) for one in entering(value))


def last_name(node: ast.AST, view: FileView) -> str:
    """Return by what name or key a value is known, empty if by none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript | ast.Call):
        return key_of(node, view)
    if isinstance(node, ast.Name):
        return node.id
    return str(node.arg) if isinstance(node, ast.keyword) else text_of(node)


def key_of(node: ast.Subscript | ast.Call, view: FileView) -> str:
    """Return the key by which something is fetched: `body["password"]`, `body.get("password")`."""
    keys = [node.slice] if isinstance(node, ast.Subscript) else node.args[:2]
    return next((text for key in keys[::-1] for text in view.texts.constants(key)), "")


def entering(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the names, attributes, items and keys whose values enter into what an expression makes."""
    if isinstance(node, ast.Name | ast.Attribute):
        yield node
    elif isinstance(node, ast.Compare | ast.Lambda) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return
    elif isinstance(node, ast.IfExp):
        yield from (*entering(node.body), *entering(node.orelse))
    elif isinstance(node, ast.BoolOp):
        parts = node.values[-1:] if isinstance(node.op, ast.And) else node.values
        yield from (each for part in parts for each in entering(part))
    elif isinstance(node, ast.Subscript):
        yield node
        if not isinstance(node.slice, ast.Constant):
            yield from entering(node.value)
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.Dict):
        yield from entering_many(node)
    elif isinstance(node, ast.Call):
        yield from entering_call(node)
    else:
        yield from (each for child in ast.iter_child_nodes(node) for each in entering(child))


def entering_many(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.Dict) -> Iterator[ast.AST]:
    """Yield what enters into a mapping, with its keys, or into what is made of each element."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield from ([key] if isinstance(key, ast.Constant) and reveals(value) else [])
            yield from entering(value)
        return
    yield from entering(node.elt)
    used = {each.id for each in ast.walk(node.elt) if isinstance(each, ast.Name)}
    for each in node.generators:
        if isinstance(each.target, ast.Name) and each.target.id in used and isinstance(node.elt, ast.Name):
            yield from entering(each.iter)


def entering_call(node: ast.Call) -> Iterator[ast.AST]:
    """Yield what enters into the result of a call: its arguments, and what it is called on if it keeps that."""
    if not reveals(node):
        return
    name = name_of(node.func)
    last = node.func.attr if isinstance(node.func, ast.Attribute) else name
    if last in FETCHING:
        yield node
        return
    if isinstance(node.func, ast.Attribute) and last in GIVING:
        yield from entering(node.func.value)
    for word in node.keywords:
        yield from ([word] if name == "dict" and reveals(word.value) else [])
        yield from entering(word.value)
    yield from (each for argument in node.args for each in entering(argument))


def reveals(node: ast.AST) -> bool:
    """Whether an expression may tell its value; a constant tells nothing, nor does what is asked or counted."""
    if isinstance(node, ast.Constant | ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return False
    if isinstance(node, ast.IfExp):
        return reveals(node.body) or reveals(node.orelse)
    if isinstance(node, ast.BoolOp):
        return any(map(reveals, node.values[-1:] if isinstance(node.op, ast.And) else node.values))
    if isinstance(node, ast.Call):
        last = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = name_of(node.func)
        return name not in TELLING and last not in ASKING and not JUDGING.match(name.rpartition(".")[2])
    return True
