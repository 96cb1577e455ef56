"""No secret is in the repository.

Harm: what was once committed is known to everyone who ever clones, for ever.
Rule: no line holds a key, token or password in a form that its issuer gave it, a private key, a credential in a URL, a
long random text, or a literal password beside a name that says so [detect-secrets]. In tests and journeys, throw-away
passwords and tokens are what they work with; only what an issuer made is looked for there.
In Python a literal is looked at by itself: inside calls, mappings, lists and defaults, under the name that it is used
by. A word for people in a mapping is none (the label of a field), nor is a sentence.
Not seen: a secret that is put together from parts.
Fix: take it out, revoke it at its issuer, and read it from the environment.
Escape: none; P0. A public example is put together from parts, or written as a placeholder.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from checks.bindings import text_of
from checks.facts import FileView
from checks.literals import is_label, name_for
from checks.model import IncompleteError, Tier
from checks.rule import EVERY, Rule
from checks.secret_files import file_secrets
from checks.sources import Source

# Only such lines can hold what the detectors look for; they cost a millisecond a line. A long run of small letters
# without a figure is a name or a path. Words are sought in small letters: that is ten times as quick as without case.
SHAPES = re.compile(r"""['"=\s](?=[a-z/_\-.]*[A-Z0-9+])[A-Za-z0-9+/_\-.]{20,}|-----BEGIN|://[^/\s:]*:[^@\s]+@""")
WORDS = re.compile(r"""(?:pass|pwd|secret|token|api[-_]?key|auth|credential)\w*['"]?\s*[:=]""")
# In Python a name is not always beside its value: `getenv("PASSWORD", "x")`, `SecretStr("x")`, `password: str = "x"`.
NAMED = re.compile(r"""(?:pass|pwd|secret|token|api[-_]?key|auth|credential)\w*['"]?\s*[:=,(\]]""")
INSIDE = re.compile(r"\b(password|passwd|pwd)=([^\s&;'{}<>%$]{3,})", re.IGNORECASE)  # in a connection string
COMMENT = re.compile(r"(^|\s)#")
KEYWORD = "Secret Keyword"
LOOSE = frozenset({KEYWORD, "Base64 High Entropy String", "Hex High Entropy String", "JSON Web Token"})
LOOSER = LOOSE | {"Basic Auth Credentials"}
LONGEST_LINE = 2000
NOT_A_SECRET = re.compile(
    r"(?i)(_encryption|_type|_file|_policy|_name|_url|_field|_header|_min\w*|_max\w*|alphabet)['\"]?\s*[:=]"
)


class Sec01(Rule):
    """Files hold no secrets; detect-secrets knows their forms."""

    code = "SEC01"
    tier = Tier.P0
    title = "no secrets in files"
    suffixes = EVERY

    def prepare(self) -> None:
        detectors()

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Module: self.module}

    def examine(self, source: Source, view: FileView) -> None:
        view.examined()
        if source.suffix != ".py":
            for number, kind in file_secrets(source, secrets_in, lines_of):
                view.report(number, f"this looks like a secret: {kind}", symbol=kind)
        elif not view.tree.body:  # not parsed
            look(source, view, sorted(lines_of(source.text)))

    def module(self, node: ast.Module, view: FileView) -> None:
        """Look at the literals of Python code by themselves, whatever is around them; at comments as at any text."""
        if not node.body:
            return
        source = view.source
        inside: set[int] = set()
        shaped, spoken = lines_with(source.text, SHAPES), lines_with(source.text.lower(), NAMED)
        for each in view.every(ast.Constant) if shaped or spoken else ():
            last = each.end_lineno or each.lineno
            if last > each.lineno:
                inside.update(range(each.lineno, last + 1))
            elif isinstance(each.value, str | bytes) and (each.lineno in shaped or each.lineno in spoken):
                literal(each, source, view, shaped)
        for number in sorted(shaped | spoken):
            comment = COMMENT.search(source.lines[number - 1])
            if number in inside or comment:
                look(source, view, [number], 0 if number in inside or comment is None else comment.start())


def look(source: Source, view: FileView, numbers: Iterable[int], start: int = 0) -> None:
    """Report what lines hold from a column on."""
    for number in numbers:
        line = source.lines[number - 1][start:]
        if len(line) <= LONGEST_LINE:
            for kind in sorted(allowed(secrets_in(source.path, line, number), source)):
                if not view.reported(number, kind):
                    view.report(number, f"this looks like a secret: {kind}", symbol=kind)


def literal(node: ast.Constant, source: Source, view: FileView, shaped: set[int]) -> None:
    """Report what one literal holds: by its own form, and by the name that it is used under."""
    value = text_of(node)
    if len(value) > LONGEST_LINE or "\n" in value:
        return
    found: set[str] = set()
    name, around = name_for(node, view)
    plain = value.replace('"', "'")
    if node.lineno in shaped and SHAPES.search(f'"{plain}"'):
        shown = name if NOT_A_SECRET.search(f"{name}=") else "value"
        found |= secrets_in(source.path, f'{shown} = "{plain}"', node.lineno)
    if name and value and NAMED.search(f"{name.lower()}=") and not is_label(name, value, around):
        found |= secrets_in(source.path, f'{name.replace("-", "_")} = "{plain}"', node.lineno)
    for given in INSIDE.finditer(plain):
        found |= secrets_in(source.path, f'{given[1]} = "{given[2]}"', node.lineno)
    for kind in sorted(allowed(found, source)):
        if not view.reported(node.lineno, kind):
            view.report(node.lineno, f"this looks like a secret: {kind}", symbol=kind)


def allowed(kinds: set[str], source: Source) -> set[str]:
    """Return the kinds that count in a file: tests and journeys work with throw-away ones."""
    throw_away = source.path.startswith("tests/") or source.path.endswith("/journey.py")
    return kinds - LOOSER if throw_away else kinds


def lines_with(text: str, pattern: re.Pattern[str]) -> set[int]:
    """Return the lines that a match of a pattern touches, of which the end of a line may be part."""
    found: set[int] = set()
    number, seen = 1, 0
    for match in pattern.finditer(f"\n{text}"):  # what begins a text counts as what begins a line
        start = max(match.start() - 1, 0)
        number += text.count("\n", seen, start)
        seen = start
        found.update(range(number, number + 1 + match[0].count("\n")))
    return found - {text.count("\n") + 2}


def lines_of(text: str) -> set[int]:
    """Return the lines of a text that are worth a look."""
    return lines_with(text, SHAPES) | lines_with(text.lower(), WORDS)


def secrets_in(path: str, line: str, number: int) -> set[str]:
    """Return what kinds of secret a line seems to hold."""
    found: set[str] = set()
    plugins, is_harmless, is_indirect = detectors()
    line = line.replace("://:", "://nobody:")  # a URL with a password alone
    for plugin in plugins:
        for secret in plugin.analyze_line(filename=path, line=line, line_number=number):
            if secret.type in LOOSE and NOT_A_SECRET.search(line):
                continue
            if secret.type == KEYWORD and is_indirect(line):
                continue
            if not is_harmless(secret.secret_value or "", line, plugin):
                found.add(secret.type)
    return found


@functools.cache
def detectors() -> tuple[list[Any], Any, Any]:
    """Return the detectors, and the heuristics that let words and placeholders through."""
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.filters import heuristic
    except ImportError as failure:
        raise IncompleteError(f"detect-secrets is not installed: {failure}") from None

    def is_harmless(value: str, line: str, plugin: Any) -> bool:
        return bool(
            heuristic.is_sequential_string(value)
            or heuristic.is_potential_uuid(value)
            or heuristic.is_likely_id_string(value, line, plugin)
            or heuristic.is_templated_secret(value)
            or heuristic.is_not_alphanumeric_string(value)
        )

    def is_indirect(line: str) -> bool:
        return bool(heuristic.is_indirect_reference(line))

    classes: Any = get_mapping_from_secret_type_to_class().values()
    return [made(each) for each in classes if each.__name__ != "IPPublicDetector"], is_harmless, is_indirect


def made(kind: Any) -> Any:
    """Return one detector; those of entropy take a limit in bits per character."""
    limits = {"Base64HighEntropyString": 4.5, "HexHighEntropyString": 3.0}
    return kind(limit=limits[kind.__name__]) if kind.__name__ in limits else kind()
