"""Text from anywhere, made safe for a terminal: what cannot be seen is written out, and only we can paint.

A name, a log line or an error of a server may hold escape sequences, or characters that reorder or hide text (CVE-2021-
42574). Styles of our own travel through strings as marks that nobody outside can write, and become escape sequences
when a line is printed.
"""

from __future__ import annotations

import os
import re

# C0, DEL, C1; Unicode's format characters (Cf), line separators and surrogates; letters and marks that show nothing
# (Default_Ignorable_Code_Point, https://www.unicode.org/reports/tr44/). Variation selectors stay: they choose a glyph.
HIDDEN = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSAFE = re.compile(f"[{HIDDEN}]")
UNSAFE_BUT_NEWLINE = re.compile(f"(?!\n)[{HIDDEN}]")
NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
SECRET = os.urandom(8).hex()
STYLE = re.compile(f"\x00{SECRET}:([0-9;]*)\x00")
RESET = "0"


def paint(text: str, style: str) -> str:
    """Return `text` with the marks of a style: the parameters of an SGR sequence, `1` or `38;5;39`."""
    return f"\x00{SECRET}:{style}\x00{text}\x00{SECRET}:{RESET}\x00"


def escape(text: str) -> str:
    """Return `text` on one line, with everything that cannot be seen written out: `\\x1b`, `\\n`, `\\u202e`."""
    return UNSAFE.sub(write_out, text)


def escape_lines(text: str) -> str:
    """Return `text` with everything that cannot be seen written out, except the ends of its lines."""
    return UNSAFE_BUT_NEWLINE.sub(write_out, text)


def escape_json(document: str) -> str:
    """Return a JSON document with the same in its strings as JSON writes it, so that it is read as it was."""
    return UNSAFE_BUT_NEWLINE.sub(write_json, document)


def reveal(text: str, *, lines: bool = False) -> str:
    """Turn our own marks into escape sequences and write out all else that cannot be seen.

    With `lines`, newlines stay and tabs become spaces.
    """
    safe = escape_lines if lines else escape
    parts = STYLE.split(text.expandtabs() if lines else text)  # text, style, text, style, …, text
    return "".join(f"\x1b[{part}m" if number % 2 else safe(part) for number, part in enumerate(parts))


def write_out(found: re.Match[str]) -> str:
    """Write a character as Python would in a string."""
    code = ord(found[0])
    if found[0] in NAMED:
        return NAMED[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def write_json(found: re.Match[str]) -> str:
    """Write a character as JSON does: in UTF-16 (RFC 8259, 7)."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
