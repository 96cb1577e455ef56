"""Values as YAML that a person reads: block style, in the order they were given, with a comment on top."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from autional_cli.errors import AutionalError

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = "Written by `autional export`; the next export replaces it. Put changes into an overlay."


# A text that begins like this is one to every reader of YAML 1.1 and 1.2: no number, date, time, merge key or indicator
# does. These words are the exceptions, in any case.
PLAIN = re.compile(r"[A-Za-z/]")
WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"])


class Dumper(yaml.SafeDumper):
    """Indents lists under their key and never writes aliases, which few readers of manifests expect."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Write a text in quotes unless nobody could take it for anything else, as a key as well.

    The parsers of engines are of YAML 1.2 with much of 1.1 (sigs.k8s.io/yaml, go-yaml v2 and v3): `553640e6` is a
    number to them, and `on` a boolean, and PyYAML, which asks YAML 1.1 alone, does not quote the first.
    """
    plain = PLAIN.match(value) and value.lower() not in WORDS
    style = '"' if not value.isprintable() else None if plain else "'"  # escapes keep every break as it is
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, written)


def documents(values: Iterable[Any], comment: str) -> str:
    """Return YAML documents under a comment."""
    head = "".join(f"# {line}\n" if line else "#\n" for line in comment.splitlines())
    bodies = (yaml.dump(value, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True) for value in values)
    return head + "---\n" + "---\n".join(bodies)


def variables(values: dict[str, str], comment: str) -> str:
    """Return `NAME=value` lines under a comment. AutionalError for a value that would not stay on its line."""
    for name, value in values.items():
        if any(not each.isprintable() for each in value):
            raise AutionalError(f"{name} has a character that no line can hold: {value!r}", hint="mend the stack file")
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "".join(f"{name}={value}\n" for name, value in values.items())
