"""No secret is in the repository.

Harm: what was once committed is known to everyone who ever clones, for ever.
Rule: no line holds a key, token or password in a form that its issuer gave it, a private key, a credential in a URL, a
long random text, or a literal password beside a name that says so [detect-secrets]. In tests and journeys, throw-away
passwords and tokens are what they work with; only what an issuer made is looked for there.
Fix: take it out, revoke it at its issuer, and read it from the environment.
Escape: none; P0. A public example is put together from parts, or written as a placeholder.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from checks.facts import FileView
from checks.model import IncompleteError, Tier
from checks.rule import EVERY, Rule
from checks.secret_files import file_secrets
from checks.sources import Source

# Only such lines can hold what the detectors look for; they cost a millisecond a line. A long run of small letters
# without a figure is a name or a path. Words are sought in small letters: that is ten times as quick as without case.
SHAPES = re.compile(r"""['"=\s](?=[a-z/_\-.]*[A-Z0-9+])[A-Za-z0-9+/_\-.]{20,}|-----BEGIN|://[^/\s:]+:[^@\s]+@""")
WORDS = re.compile(r"""(?:pass|pwd|secret|token|api_?key|auth|credential)\w*['"]?\s*[:=]""")
LOOSE = frozenset({"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String", "JSON Web Token"})
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

    def examine(self, source: Source, view: FileView) -> None:
        view.examined()
        if source.suffix != ".py":
            for number, kind in file_secrets(source, secrets_in, lines_of):
                view.report(number, f"this looks like a secret: {kind}", symbol=kind)
            return
        throw_away = source.path.startswith("tests/") or source.path.endswith("/journey.py")
        for number in sorted(lines_of(source.text)):
            line = source.lines[number - 1]
            if len(line) <= LONGEST_LINE:
                kinds = secrets_in(source.path, line, number)
                for kind in sorted(kinds - LOOSER if throw_away else kinds):
                    view.report(number, f"this looks like a secret: {kind}", symbol=kind)


def lines_of(text: str) -> set[int]:
    """Return the lines that are worth a look: those that a match touches, of which the end of a line may be part."""
    found: set[int] = set()
    for pattern, given in ((SHAPES, text), (WORDS, text.lower())):
        number, seen = 1, 0
        for match in pattern.finditer(f"\n{given}"):  # what begins a text counts as what begins a line
            start = max(match.start() - 1, 0)
            number += given.count("\n", seen, start)
            seen = start
            found.update(range(number, number + 1 + match[0].count("\n")))
    return found - {text.count("\n") + 2}


def secrets_in(path: str, line: str, number: int) -> set[str]:
    """Return what kinds of secret a line seems to hold."""
    found: set[str] = set()
    plugins, is_harmless = detectors()
    for plugin in plugins:
        for secret in plugin.analyze_line(filename=path, line=line, line_number=number):
            if secret.type in LOOSE and NOT_A_SECRET.search(line):
                continue
            if not is_harmless(secret.secret_value or "", line, plugin):
                found.add(secret.type)
    return found


@functools.cache
def detectors() -> tuple[list[Any], Any]:
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
            or heuristic.is_indirect_reference(line)
            or heuristic.is_not_alphanumeric_string(value)
        )

    classes: Any = get_mapping_from_secret_type_to_class().values()
    return [made(each) for each in classes if each.__name__ != "IPPublicDetector"], is_harmless


def made(kind: Any) -> Any:
    """Return one detector; those of entropy take a limit in bits per character."""
    limits = {"Base64HighEntropyString": 4.5, "HexHighEntropyString": 3.0}
    return kind(limit=limits[kind.__name__]) if kind.__name__ in limits else kind()
