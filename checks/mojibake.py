"""Text that was written in one encoding and read in another: what it was, where it can be told.

UTF-8 read as an East Asian encoding: a run of characters whose bytes there are UTF-8 of East Asian characters, or one
hanzi in the middle of a Latin word. UTF-8 read as Latin-1 or Windows-1252, or Windows-1251: what its sequences of bytes
become is no text of any language, but for a letter before a quotation mark or a unit. GBK read as Latin-1: pairs of
characters that are common Chinese ones.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

RUN = re.compile(r"[^\x00-\x7f\s\u3000-\u3002\uff01\uff0c\uff1a\uff1b\uff1f\ufffd]+")
CODECS = {"gbk": "GBK", "cp932": "Shift-JIS", "big5": "Big5", "cp949": "EUC-KR"}
EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\u3000-\u303f\uff01-\uff5e]+")
LETTERS = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]")
PUNCTUATION = re.compile("[\u2010-\u2026\u2122\u20ac][\x20-\x7e]?")
# What the letters of European words become, but for those that Chinese text has between Latin words of itself.
OF_WORDS = "".join(
    each.encode().decode("gbk")
    for each in "\u00e0\u00e1\u00e4\u00e7\u00e9\u00ea\u00ed\u00ef\u00f3\u00f6\u00fa\u00fc\u00df"
)
IN_A_WORD = re.compile(f"(?<=[A-Za-z])[{OF_WORDS}](?=[a-z])")
HALF_WIDTH = re.compile("[\uff61-\uff9f]")  # what Shift-JIS makes of many bytes, between characters where none belongs
EMBEDDED = 4  # characters, in the middle of good text, and where good text may be read so as well


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A part of a line, what it was meant to be, and how it was read. `whole`: nothing of it was lost."""

    start: int
    end: int
    meant: str
    read_as: str
    whole: bool = True


def spoilt(line: str) -> Iterator[Spoilt]:
    """Yield what is spoilt in a line, from its beginning to its end."""
    found = [*east_asian(line), *western(line), *chinese_as_latin(line)]
    end = 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start >= end:
            end = one.end
            yield one


def east_asian(line: str) -> Iterator[Spoilt]:
    """Yield UTF-8 that was read as an East Asian encoding."""
    for found in IN_A_WORD.finditer(line):
        yield Spoilt(found.start(), found.end(), found[0].encode("gbk").decode(), "GBK")
    for run in RUN.finditer(line):
        if run[0] and any(character > "\u2fff" for character in run[0]):
            yield from in_run(run[0], run.start())


def in_run(run: str, offset: int) -> Iterator[Spoilt]:
    """Yield what is spoilt in a run: all of it, or a long part."""
    at = 0
    while at < len(run):
        for codec, name in CODECS.items():
            length, meant, rest = longest(run, at, codec)
            whole = at == 0 and length + rest == len(run)
            sure = codec == "gbk" or HALF_WIDTH.search(run[at : at + length])
            if is_meant(meant, embedded=not (whole and sure)):
                yield Spoilt(offset + at, offset + at + length, meant, name, whole=not rest)
                at += length - 1
                break
        at += 1


def longest(run: str, at: int, codec: str) -> tuple[int, str, int]:
    """Return how many characters from a place are whole UTF-8 in an encoding, what that is, and how many begin more."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    length, meant, pending = 0, "", ""
    for number, character in enumerate(run[at:], 1):
        try:
            pending += decoder.decode(character.encode(codec))
        except UnicodeError:
            return length, meant, 0
        if not decoder.getstate()[0]:
            length, meant = number, pending
    return length, meant, len(run) - at - length


def is_meant(meant: str, *, embedded: bool) -> bool:
    """Whether what comes out is text that somebody wrote."""
    if embedded:
        return len(meant) >= EMBEDDED and bool(EAST_ASIAN.fullmatch(meant))
    if PUNCTUATION.fullmatch(meant):
        return True
    return len(meant) > 1 and bool(EAST_ASIAN.fullmatch(meant)) and bool(LETTERS.search(meant))


def byte_map(codec: str) -> dict[str, int]:
    """Return character → byte of an encoding of single bytes, of Latin-1 where it has none."""
    found = {chr(number): number for number in range(0x80, 0x100)} if codec == "cp1252" else {}
    for number in range(0x80, 0x100):
        character = bytes([number]).decode(codec, "replace")
        if character != "\ufffd":
            found[character] = number
    return found


def sequences(codec: str) -> re.Pattern[str]:
    """Return what sequences of UTF-8 become in an encoding."""
    known = byte_map(codec)

    def those(first: int, last: int) -> str:
        return "[" + "".join(re.escape(each) for each, number in known.items() if first <= number <= last) + "]"

    more = those(0x80, 0xBF)
    return re.compile(f"(?:{those(0xC2, 0xDF)}{more}|{those(0xE1, 0xEF)}{more}{{2}}|{those(0xF0, 0xF4)}{more}{{3}})+")


WESTERN = byte_map("cp1252")
WESTERN_SEQUENCES = sequences("cp1252")
CYRILLIC = byte_map("cp1251")
CYRILLIC_SEQUENCES = sequences("cp1251")
# What may follow a letter in good text: quotation marks, dashes, an ellipsis; and, of a unit, its power.
AFTER_LETTER = frozenset("\u2026\u2018\u2019\u201c\u201d\u2013\u2014\u201e\u201a\u2039\u203a\u2022\u00ab\u00bb\u00a0")
OF_MEANING = re.compile("[\u00c2\u00c3]\u00a0")
UNIT = re.compile("Å[²³]")
PLAUSIBLE = re.compile(
    "[\u00a0-\u017f\u0192\u02c6\u02dc\u2010-\u2044\u20ac\u2122\u2190-\u21ff\u2500-\u27bf\ufe0f\U0001f300-\U0001faff"
    "\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uff5e]+"
)
OTHER_SCRIPTS = re.compile("[\u0386-\u03ce\u0400-\u045f\u0490\u0491\u05d0-\u05ea\u0620-\u064a]+")


def western(line: str) -> Iterator[Spoilt]:
    """Yield UTF-8 that was read as Latin-1, Windows-1252 or Windows-1251."""
    for found in WESTERN_SEQUENCES.finditer(line):
        meant = decoded(found[0], WESTERN)
        sure = any(WESTERN[each] < 0xC0 and each not in AFTER_LETTER for each in found[0]) or OF_MEANING.match(found[0])
        if not meant or not sure or UNIT.fullmatch(found[0]):
            continue
        if PLAUSIBLE.fullmatch(meant) or (len(meant) > 1 and OTHER_SCRIPTS.fullmatch(meant)):
            yield Spoilt(found.start(), found.end(), meant, "Latin-1")
    for found in CYRILLIC_SEQUENCES.finditer(line):
        meant = decoded(found[0], CYRILLIC)
        if len(meant) > 2 and OTHER_SCRIPTS.fullmatch(meant):
            yield Spoilt(found.start(), found.end(), meant, "Windows-1251")


def decoded(text: str, known: dict[str, int]) -> str:
    """Return what a text's bytes are in UTF-8; empty for what they are not."""
    try:
        return bytes(known[character] for character in text).decode("utf-8")
    except UnicodeDecodeError:
        return ""


LATIN_RUN = re.compile("[\u00a1-\u00ff]{4,}")
# The hanzi that GB 2312 orders by sound: those in daily use.
COMMON = re.compile(rb"(?:[\xb0-\xd7][\xa1-\xfe])+")


def chinese_as_latin(line: str) -> Iterator[Spoilt]:
    """Yield GBK that was read as Latin-1: pairs of which some are no letters at all, as in no word of any language."""
    for found in LATIN_RUN.finditer(line):
        data = found[0].encode("latin-1")
        signs = sum(byte < 0xC0 for byte in data)
        if len(data) % 2 == 0 and signs and signs < len(data) and COMMON.fullmatch(data) and not is_list(found[0]):
            yield Spoilt(found.start(), found.end(), data.decode("gbk"), "Latin-1")


def is_list(text: str) -> bool:
    """Whether characters are in the order of their codes, as in a list of them."""
    return list(text) == sorted(text)
