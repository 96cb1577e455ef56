"""Secrets are taken out where text leaves for a person or a program: errors, states, journals, log lines.

What a secret is: the values of this instance, once they are read (`learn`), and whatever has the form of one. A line of
JSON stays one: no form goes past a quotation mark.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MASK = "***"
SHORTEST = 8  # characters; something shorter is a word
_FORMS = (
    (r"SCRAM-SHA-(?:1|256)\$[^\s'\"\\]+", f"SCRAM-SHA-256${MASK}"),  # RFC 5803
    (r"\bmd5[0-9a-f]{32}\b", f"md5{MASK}"),
    (r"(?<=[#>])[0-9a-f]{64}\b", MASK),  # ACL files: the digest of a password
    (r"(?P<user>://[^\s'\"/:@\\]*):[^\s'\"/@\\]+@", rf"\g<user>:{MASK}@"),  # RFC 3986, userinfo
    (r"(?i:(?P<verb>\b(?:ENCRYPTED\s+)?PASSWORD\s+))'(?:[^'\"\\]|''|\\.)*'?", rf"\g<verb>'{MASK}'"),  # SQL
    (r"\b(?P<key>(?i:password|passwd|pwd|PGPASSWORD))=[^\s'\"\\,;&)]+", rf"\g<key>={MASK}"),  # libpq, ODBC, shells
    (
        r"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----[^\"]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\")|\Z)",
        rf"-----BEGIN \g<kind>----- {MASK}",
    ),
)
_SIGNS = ("SCRAM-", "md5", "://", "PRIVATE KEY-", ">", "#")  # a form begins with one of these, or with one of
_LOWER_SIGNS = ("passw", "pwd=")  # these in any case
_known: dict[str, None] = {}


@cache
def _forms() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(form), mask) for form, mask in _FORMS]  # at the first need: every command imports this module


def learn(values: Iterable[str]) -> None:
    """Take these values out of all text from now on."""
    _known.update(dict.fromkeys(value for value in values if len(value) >= SHORTEST))


def learn_instance(home: Path) -> None:
    """Learn the secrets that the instance in `home` has, if it has any that can be read."""
    try:
        learn(_texts(json.loads((home / "secrets.json").read_bytes())))
    except (OSError, ValueError):
        return


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)


def redact(text: str) -> str:
    """Return `text` without what is secret in it."""
    if any(sign in text for sign in _SIGNS) or any(sign in text.lower() for sign in _LOWER_SIGNS):
        for form, mask in _forms():
            text = form.sub(mask, text)
    for secret in _known:
        if secret[:SHORTEST] in text:
            text = _without(text.replace(secret, MASK), secret)
    return text


def _without(text: str, secret: str) -> str:
    """Take out the beginning of a secret where text was cut."""
    for length in range(len(secret) - 1, SHORTEST - 1, -1):
        if text.endswith(secret[:length]):
            return text[:-length] + MASK
    return text
