"""Secrets in files that are no Python: environment files, keys, settings, scripts, documents.

`secrets_in` of SEC01 knows what issuers made; here is what depends on the kind of file: who writes values without
quotes, what is a placeholder, and which files are secrets as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checks.sources import Source

Detect = Callable[[str, str, int], set[str]]
KEYWORD = "Secret Keyword"
LOOSE = frozenset({KEYWORD, "Base64 High Entropy String", "Hex High Entropy String", "JSON Web Token"})
CREDENTIALS = "Basic Auth Credentials"
LONGEST_LINE = 2000
# Files that hold settings: a secret beside its name, and random text, count in them; elsewhere what an issuer made.
SETTINGS = frozenset(
    {".yaml", ".yml", ".toml", ".json", ".cfg", ".ini", ".conf", ".properties", ".env", ".tfvars", ".sql", ".sh", ".js"}
    | {".html", ".css", ".proto", ".md", ""}
)
ENVIRONMENT = re.compile(r"(?:^|.*\.)env(?:rc)?(?:\..+)?$|^(?:credentials|secrets)$")
SHELL = frozenset({".sh", ".bash", ".zsh", ".env", ""})
KEYS = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$|.*\.(?:p12|pfx|jks|keystore|ppk|kdbx)$")
MAYBE_KEYS = re.compile(r".*\.(?:pem|key|der)$")
PUBLIC = re.compile(rb"-----BEGIN (?:CERTIFICATE|PUBLIC KEY|X509 CRL|RSA PUBLIC KEY|CERTIFICATE REQUEST|DH PARAMETERS)")
NOUN = "password|passwd|passphrase|pwd|pass|secret|token|api_?key|private_?key|access_?key|credentials?"
NAME = rf"(?:[\w.-]*[_.-])?(?:{NOUN})"
WORD = rf"(?i:(?P<name>{NAME}(?:_?(?:key|value|default|prod|dev|test|\d+))?))"
VALUE = r"""(?P<value>"[^"]*"|'[^']*'|[^\s#;|&"'()<>]+)"""
ASSIGNED = re.compile(rf"(?:^|[\s;(])(?:(?:export|ENV|ARG|declare\s+-x|-e|--env)\s+)?{WORD}\s?(?:=|:=|\?=)\s?{VALUE}")
SHOUTED = re.compile(rf"(?:^|\s)(?:(?:export|ENV|ARG|-e)\s+)?(?=[A-Z][A-Z0-9_]*\s?=){WORD}=(?!=){VALUE}")
SPACED = re.compile(rf"^\s*ENV\s+{WORD}\s+{VALUE}")  # Dockerfile, the old way
SQL = re.compile(r"(?i)\b(?:PASSWORD|IDENTIFIED\s+BY)\s+'(?P<value>[^']+)'")
NETRC = re.compile(r"\bpassword\s+(?P<value>\S+)")
ON_COMMAND_LINE = re.compile(r"\b(?:curl|wget|xh|https?)\b.*?\s(?:-u|--user)[\s=]+[\"']?[\w.@-]+:(?P<value>[^\s\"'@]+)")
# Names and references of secrets, in the manner of manifests: `secretName`, `passwordSecretRef`.
REFERENCE = re.compile(
    r"(?i)(?:secret|password|token|key|credential)s?(?:secret)?"
    r"(?:Name|Ref|Reference|Key|Path|File|Type|Url|Policy|Length|Class|Store|Provider)\W*[:=]"
)
PLACEHOLDER = re.compile(
    r"""(?ix)^(?:
        [\W_]* | (?:[\W_]*x[\W_x]*) | .*(?:\$[\w{(]|\{\{|\}\}|<[^>]*>|%\w+%|`).* | \[.*\] | /.* | \.{1,2}/.* | ~/.*
        | .*(?:change.?me|change.?it|change.?this|place.?holder|your[\W_]|[\W_]here$).*
        | (?:example|dummy|fake|sample|replace|insert|redacted|to.?be|todo|fill|same.?as|generated?)(?:[\W_\d].*)?
        | (?:my|the|a|an|some|your)?[\W_]?(?:password|passwd|pass|secret|token|key|api.?key|value|string|text)\d*
        | (?:my|the|some)?[\W_]?(?:credentials?|user)
        | none | null | nil | true | false | yes | no | on | off | empty | default | unset | env | test(?:ing)?
        | \d{1,5} | required | optional | random | prompt | file | vault
    )$"""
)
LABEL = re.compile(r"[A-ZÄÖÜ\u0100-\U0010ffff][^\W\d_]*(?:[\s-][^\W\d_]+)*[.:!?…]?|[^\W\d_]+(?:\s[^\W\d_]+)+[.:!?…]?")
QUOTED_VALUE = re.compile(r"""[:=]\s*["'](?P<value>[^"']*)["']""")


def file_secrets(source: Source, detect: Detect, worth: Callable[[str], Collection[int]]) -> Iterator[tuple[int, str]]:
    """Yield line and kind of each secret in a file that is no Python; `worth` tells which lines are worth a look."""
    name = source.path.rpartition("/")[2].lower()
    whole = whole_secret(name, source.data)
    if whole:
        yield 1, whole
        return
    throw_away = source.path.startswith("tests/")
    found: dict[int, set[str]] = {}
    for number in worth(source.text):
        line = source.lines[number - 1]
        if len(line) <= LONGEST_LINE:
            found.setdefault(number, set()).update(detected(source, name, line, number, detect))
    for number in assigned(source, name):
        found.setdefault(number, set()).add(KEYWORD)
    for number, kinds in sorted(found.items()):
        for kind in sorted(kinds - LOOSE - {CREDENTIALS} if throw_away else kinds):
            yield number, kind


def whole_secret(name: str, data: bytes) -> str:
    """Return what a file is as a whole: a private key or a store of keys; empty for any other."""
    if KEYS.fullmatch(name) and data.strip():
        return "Private Key"
    if MAYBE_KEYS.fullmatch(name) and b"\0" in data[:4096]:
        return "Private Key"  # not readable as text: nobody can say that it is only the public part
    return ""


def detected(source: Source, name: str, line: str, number: int, detect: Detect) -> set[str]:
    """Return the kinds that the detectors see in a line and that count in such a file."""
    kinds = detect(source.path, line, number)
    if not is_settings(source, name) or (MAYBE_KEYS.fullmatch(name) and PUBLIC.search(source.data)):
        return kinds - LOOSE
    value = QUOTED_VALUE.search(line)
    text = value["value"] if value else line.partition(":" if ":" in line else "=")[2].strip().strip("\"'")
    if REFERENCE.search(line) or PLACEHOLDER.match(text) or (source.suffix == ".json" and LABEL.fullmatch(text)):
        return kinds - {KEYWORD}
    return kinds


def is_settings(source: Source, name: str) -> bool:
    """Whether a file holds settings, scripts or documents."""
    return source.suffix in SETTINGS or bool(ENVIRONMENT.match(name)) or name.startswith("dockerfile")


def assigned(source: Source, name: str) -> Iterator[int]:
    """Yield the lines that give a secret by its name, in the way of the file's kind."""
    for pattern in patterns(source, name):
        for number, line in enumerate(source.lines, 1):
            if len(line) > LONGEST_LINE or line.lstrip().startswith("<!--"):
                continue
            for found in pattern.finditer(line):
                value = found["value"].strip("\"'")
                called = found.groupdict().get("name") or ""
                if len(value) >= 5 and not PLACEHOLDER.match(value) and value.lower() not in called.lower():
                    yield number


def patterns(source: Source, name: str) -> Iterator[re.Pattern[str]]:
    """Yield how a file of this kind gives a value to a name."""
    docker = name.startswith("dockerfile") or name.endswith(".dockerfile")
    if ENVIRONMENT.match(name) or docker or (source.suffix in SHELL and name != "makefile"):
        yield ASSIGNED
    elif source.suffix in (".md", ".yaml", ".yml", ".txt") or name == "makefile":
        yield SHOUTED
    if docker:
        yield SPACED
    if source.suffix == ".sql":
        yield SQL
    if name in (".netrc", "_netrc"):
        yield NETRC
    if docker or source.suffix in SHELL or source.suffix in (".yaml", ".yml"):
        yield ON_COMMAND_LINE
