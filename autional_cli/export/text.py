"""Values as YAML that a person reads: block style, in the order they were given, with a comment on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = "Written by `autional export`; the next export replaces it. Put changes into an overlay."


class Octal(int):
    """A number that people read in octal, such as a file mode."""


class Dumper(yaml.SafeDumper):
    """Indents lists under their key and never writes aliases, which few readers of manifests expect."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def octal(dumper: yaml.SafeDumper, value: Octal) -> yaml.ScalarNode:
    """Write 0o440 as YAML 1.1 does, which the parsers of both engines follow."""
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"0{value:o}")


Dumper.add_representer(Octal, octal)


def documents(values: Iterable[Any], comment: str) -> str:
    """Return YAML documents under a comment."""
    head = "".join(f"# {line}\n" if line else "#\n" for line in comment.splitlines())
    bodies = (yaml.dump(value, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True) for value in values)
    return head + "---\n" + "---\n".join(bodies)


def variables(values: dict[str, str], comment: str) -> str:
    """Return `NAME=value` lines under a comment."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "".join(f"{name}={value}\n" for name, value in values.items())
