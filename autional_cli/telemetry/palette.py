"""Colours for services and levels, and making foreign text safe for a terminal."""

from __future__ import annotations

from zlib import crc32

from autional_cli import terminal

BOLD, DIM, RED, YELLOW = "1", "2", "31", "33"
BOLD_RED = f"{BOLD};{RED}"
SERVICES = tuple(f"38;5;{number}" for number in (39, 208, 78, 177, 220, 45, 204, 149, 99, 173, 37, 141))
LEVELS = {"debug": DIM, "info": "", "warning": YELLOW, "warn": YELLOW, "error": RED, "critical": BOLD_RED}


class Palette:
    """Paints text, or leaves it alone when colours are off."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def paint(self, text: str, style: str) -> str:
        """Return `text` in a style; it is the printer who turns the marks into escape sequences."""
        return terminal.paint(text, style) if self.enabled and style else text

    def service(self, text: str, service: str) -> str:
        """Return `text` in the colour of a service, the same in every command."""
        return self.paint(text, SERVICES[crc32(service.encode()) % len(SERVICES)])

    def level(self, text: str, level: str) -> str:
        """Return `text` in the colour of a log level."""
        return self.paint(text, LEVELS.get(level.lower(), ""))


def clean(text: str) -> str:
    """Write out what cannot be seen, ends of lines too: log text and span names come from anywhere."""
    return terminal.escape(text)


def one_line(text: str) -> str:
    """Fold text into a single safe line."""
    return clean(" ".join(text.split()))


def shorten(text: str, width: int) -> str:
    """Cut text to a width, marking the cut."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
