"""Every text that an export writes is read as that text: by YAML 1.1, by YAML 1.2, and by the parsers written in Go."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autional_cli.errors import AutionalError
from autional_cli.export import text
from autional_cli.export.kubernetes import files
from autional_cli.export.swarm import ours
from tests.export.stacks import described

ODD = """
553640e6 1e3 1E3 +1 -1 0x1f 0X1F 0o17 010 0b11 -0b1 -0o7 1_000 1_0.5 12:30:45 190:20:30.15 .inf -.INF +.Inf .NaN nan
NaN Infinity .5 5. 1. .5e3 . .. 2026-11-28 2026-11-28T01:02:03Z 2001-1-1 y Y yes YES n N no No on On
ON off true True TRUE
false null Null NULL ~ = << - -- --- ... ? : * & ! % @ ` | > # [] {} , 00 0 08
09 1__0 0.0 -0 1e 1e+ 0x 0o8 e5 E5 1:2 00:00
"""
WORDS = [
    *ODD.split(),
    "",
    " ",
    " a",
    "a ",
    "a: b",
    "a #b",
    "a:",
    "- a",
    "? a",
    "a\nb",
    "\n",
    "\t",
    "a\tb",
    "\x07",
    "\x85",
]
WORDS += [
    "\u2028",
    "\ufeff",
    "\x7f",
    "\x1b[31m",
    "2026-11-28 01:02:03",
    "'",
    '"',
    "''",
    "a'b",
    'a"b',
    "\\",
    "\\n",
    "%YAML",
]
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.from_regex(r"[-+]?[0-9._:exobEX\-TZ ]{1,12}", fullmatch=True),
    st.sampled_from(WORDS),
)
# What go-yaml v3 and v2 (which sigs.k8s.io/yaml is made of) make of a plain scalar: the words of v2 with those of v3,
# whole numbers of any base with underscores, floats, dates.
GO_BASES = ["y", "yes", "on", "n", "no", "off", "true", "false", "null"]
GO_WORDS = {form for word in GO_BASES for form in (word, word.title(), word.upper())}
GO_WORDS |= {"", "~", "<<", *(f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF"))}
GO_WORDS |= {".nan", ".NaN", ".NAN"}
GO_NUMBER = re.compile(
    r"[-+]?(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[0-9]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
GO_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+].*)?)?")
# The core schema of YAML 1.2.2, section 10.3.2
CORE = re.compile(
    r"null|Null|NULL|~||true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
)


def go_reads_text(plain: str) -> bool:
    """Whether go-yaml takes a plain scalar for a text."""
    number = plain.replace("_", "")
    return plain not in GO_WORDS and not GO_NUMBER.fullmatch(number) and not GO_DATE.fullmatch(plain)


def scalars(written: str) -> list[tuple[str, bool]]:
    """Return every scalar of the documents, and whether it is plain."""
    events = yaml.parse(written, Loader=yaml.SafeLoader)
    return [(event.value, event.style is None) for event in events if isinstance(event, yaml.ScalarEvent)]


class CoreLoader(yaml.BaseLoader):
    """YAML 1.2: a plain scalar is what the core schema makes of it."""

    def construct_scalar(self, node: Any) -> Any:
        found = super().construct_scalar(node)
        return ("not a text", found) if node.style is None and CORE.fullmatch(found) else found


def assert_is_text(value: str) -> None:
    """Assert that `value` is read as itself, as a value, in a list and as a key."""
    content = {"value": value, "list": [value, [value]], "key": {value: "x"}}
    written = text.documents([content], "a comment")
    assert yaml.safe_load(written) == content
    assert yaml.load(written, Loader=CoreLoader) == content
    for found, plain in scalars(written):
        assert not plain or go_reads_text(found), found


@pytest.mark.parametrize("word", WORDS)
def test_an_odd_text_stays_a_text(word: str) -> None:
    assert_is_text(word)


@given(TEXTS)
@settings(max_examples=400, deadline=None)
@example("553640e6")
def test_any_text_stays_a_text(value: str) -> None:
    assert_is_text(value)


def test_what_is_plain_to_everybody_is_not_quoted() -> None:
    written = text.documents([{"image": "ghcr.io/acme/autional:v1", "path": "/run/secrets", "port": 8080}], "")
    assert "image: ghcr.io/acme/autional:v1\npath: /run/secrets\nport: 8080\n" in written


@pytest.mark.parametrize("number", [0, 8080, 0o440, True, None, 1.5])
def test_what_is_no_text_is_read_alike_by_all(number: object) -> None:
    written = text.documents([{"value": number}], "")
    assert yaml.safe_load(written) == {"value": number}
    [_, (plain, _)] = scalars(written)
    assert not re.fullmatch(r"0[0-9]+", plain)  # octal to YAML 1.1, decimal to 1.2


@pytest.mark.parametrize(
    "image", ["r/a:553640e6", "r/a:1e3", "r/a:0x1f", "r/a:010", "r/a:2026-11-28", "r/a@sha256:" + "0" * 64]
)
def test_an_image_is_a_text_wherever_it_is_written(image: str) -> None:
    deployment = described("full", image=image)
    both = {**files.ours(deployment), **files.theirs(deployment), **ours(deployment, encrypted=False)}
    every = {path: content for path, content in both.items() if path.endswith(".yaml")}
    for path, written in every.items():
        for found, plain in scalars(written):
            if plain and not go_reads_text(found):
                assert re.fullmatch(r"0|[1-9][0-9]*|true|false|null", found), (path, found)
    tag = image.rpartition(":")[2] if "@" not in image else image
    assert {image, tag} & {found for written in every.values() for found, _ in scalars(written)}


def test_a_variable_that_would_become_two_lines_is_refused() -> None:
    with pytest.raises(AutionalError, match="AUTIONAL_MAIL_FROM has a character that no line can hold"):
        text.variables({"AUTIONAL_MAIL_FROM": "a@b\nAUTIONAL_DEBUG=1"}, "")
