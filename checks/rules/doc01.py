"""Files are UTF-8 without a byte order mark, and hold no text that an encoding has spoilt.

Harm: one file in another encoding breaks a build in another locale; spoilt text is shown to users and cannot be mended.
Rule: bytes decode as UTF-8; no BOM; no U+FFFD; nothing that was UTF-8 and was read as GBK, Shift-JIS, Big5, EUC-KR,
Latin-1, Windows-1252 or 1251, or GBK that was read as Latin-1 (`checks/mojibake.py` says how that is told).
Fix: `--fix` removes a BOM and turns spoilt text back; other bytes need a person who knows their encoding.
Escape: none; P0. Text about spoilt text is written with escapes (`\\u9422`), or lies below an `exclude`.
"""

from __future__ import annotations

from checks.facts import FileView
from checks.model import Edit, Fix, Tier
from checks.mojibake import spoilt
from checks.rule import EVERY, Rule
from checks.sources import Source

BOM = b"\xef\xbb\xbf"
REPLACEMENT = "\ufffd"


class Doc01(Rule):
    """Text is UTF-8 and whole."""

    code = "DOC01"
    tier = Tier.P0
    title = "encoding: UTF-8, no BOM, no U+FFFD, no mojibake"
    aliases = ("check-encoding",)
    suffixes = EVERY

    def examine(self, source: Source, view: FileView) -> None:
        view.examined()
        if source.data.startswith(BOM):
            fix = Fix("remove the byte order mark", (Edit(source.path, 0, len(BOM), ""),))
            view.report(1, "begins with a byte order mark", fix=fix, symbol="bom")
        try:
            text = source.data.decode("utf-8")
        except UnicodeDecodeError as failure:
            line = source.data.count(b"\n", 0, failure.start) + 1
            byte = source.data[failure.start]
            view.report(line, f"byte 0x{byte:02x} at {failure.start} is not UTF-8", symbol="bytes")
            return
        if text.isascii():
            return
        for number, line_text in enumerate(text.split("\n"), 1):
            if not line_text.isascii():
                self.check_line(number, line_text, source, view)

    def check_line(self, number: int, text: str, source: Source, view: FileView) -> None:
        """Look for spoilt text in one line."""
        if REPLACEMENT in text:
            view.report(number, "holds U+FFFD: a character was lost here", symbol="replacement")
        for one in spoilt(text):
            part = text[one.start : one.end]
            start = source.offset(number, len(text[: one.start].encode()))
            edit = Edit(source.path, start, start + len(part.encode()), one.meant)
            fix = Fix(f"write {one.meant!r}", (edit,) if one.whole else ())
            view.report(number, f"{part!r} is {one.meant!r} read as {one.read_as}", fix=fix, symbol="mojibake")
