"""Colours for services and levels, and making foreign text safe for a terminal."""

from __future__ import annotations

import re
from zlib import crc32

RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
RED, YELLOW = "\x1b[31m", "\x1b[33m"
SERVICES = tuple(f"\x1b[38;5;{number}m" for number in (39, 208, 78, 177, 220, 45, 204, 149, 99, 173, 37, 141))
LEVELS = {"debug": DIM, "info": "", "warning": YELLOW, "warn": YELLOW, "error": RED, "critical": BOLD + RED}
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Palette:
    """Paints text, or leaves it alone when colours are off."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def paint(self, text: str, style: str) -> str:
        """Return `text` in a style."""
        return f"{style}{text}{RESET}" if self.enabled and style else text

    def service(self, text: str, service: str) -> str:
        """Return `text` in the colour of a service, the same in every command."""
        return self.paint(text, SERVICES[crc32(service.encode()) % len(SERVICES)])

    def level(self, text: str, level: str) -> str:
        """Return `text` in the colour of a log level."""
        return self.paint(text, LEVELS.get(level.lower(), ""))


def clean(text: str) -> str:
    """Replace what could move the cursor or change colours: log text and span names come from anywhere."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Fold text into a single safe line."""
    return clean(" ".join(text.split()))


def shorten(text: str, width: int) -> str:
    """Cut text to a width, marking the cut."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
