"""Files are UTF-8 without a byte order mark, and hold no text that an encoding has spoilt.

Harm: one file in another encoding breaks a build in another locale; spoilt text is shown to users and cannot be mended.
Rule: bytes decode as UTF-8; no BOM; no U+FFFD; no run of Chinese characters that are the UTF-8 bytes of Chinese text
read as GBK (a run whose GBK bytes are themselves UTF-8 of such characters is that, and no real word is).
Fix: `--fix` removes a BOM and turns GBK-read text back; other bytes need a person who knows their encoding.
Escape: none; P0. Text about spoilt text is written with escapes (`\\u9422`), or lies below an `exclude`.
"""

from __future__ import annotations

import re

from checks.facts import FileView
from checks.model import Edit, Fix, Tier
from checks.rule import EVERY, Rule
from checks.sources import Source

BOM = b"\xef\xbb\xbf"
CJK = re.compile("[\u4e00-\u9fff\u3400-\u4dbf]+")
REPLACEMENT = "\ufffd"


class Doc01(Rule):
    """Text is UTF-8 and whole."""

    code = "DOC01"
    tier = Tier.P0
    title = "encoding: UTF-8, no BOM, no U+FFFD, no GBK mojibake"
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
        for run in CJK.finditer(text):
            meant = read_back(run[0])
            if meant:
                start = source.offset(number, len(text[: run.start()].encode()))
                edit = Edit(source.path, start, start + len(run[0].encode()), meant)
                message = f"{run[0]!r} is {meant!r} read as GBK"
                view.report(number, message, fix=Fix(f"write {meant!r}", (edit,)), symbol="gbk")


def read_back(run: str) -> str:
    """Return what a run of Chinese characters was before it was read as GBK; empty for a run that is what it seems."""
    try:
        meant = run.encode("gbk").decode("utf-8")
    except UnicodeError:
        return ""
    return meant if CJK.fullmatch(meant) else ""
