"""A log entry as a line for a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.palette import DIM, Palette, clean, one_line

if TYPE_CHECKING:
    from autional_cli.telemetry.log_lines import Entry

# shown in places of their own, or the same on every line
PLACED = {"timestamp", "level", "service", "instance", "event", "logger", "trace_id", "span_id"}
BLOCKS = ("exception", "traceback", "stack", "text", "body")  # several lines: shown below


def format_entry(entry: Entry, palette: Palette, width: int) -> str:
    """Write an entry as `time unit level message key=value`, with exceptions and mail bodies indented below.

    `width` is that of the unit column. Times are local, with milliseconds.
    """
    unit = palette.service(clean(entry.unit).ljust(width), entry.unit)
    level = palette.level(clean(entry.level)[:8].ljust(8), entry.level)
    trace = entry.fields.get("trace_id")
    mark = palette.paint(f" trace={clean(str(trace))[:8]}", DIM) if trace else ""
    head = f"{palette.paint(local_time(entry.timestamp), DIM)} {unit} {level} {one_line(entry.event)}"
    return "\n".join([f"{head}{format_fields(entry, palette)}{mark}", *format_blocks(entry)])


def format_fields(entry: Entry, palette: Palette) -> str:
    """Write the remaining fields as ` key=value`."""
    pairs = []
    for key, value in entry.fields.items():
        if key not in PLACED and not is_block(key, value) and value not in (None, ""):
            pairs.append(f" {palette.paint(clean(key), DIM)}={format_value(value)}")
    return "".join(pairs)


def format_value(value: Any) -> str:
    """Write a value on one line, quoted when it has spaces."""
    if isinstance(value, list):
        return ",".join(format_value(item) for item in value)
    text = one_line(value if isinstance(value, str) else repr(value))
    return f'"{text}"' if " " in text and isinstance(value, str) else text


def is_block(key: str, value: Any) -> bool:
    """Tell whether a field is to be shown below the line."""
    return key in BLOCKS and isinstance(value, str) and "\n" in value.strip()


def format_blocks(entry: Entry) -> list[str]:
    """Write fields of several lines."""
    blocks = [value for key, value in entry.fields.items() if is_block(key, value)]
    return [f"    {clean(line)}" for block in blocks for line in block.strip().splitlines()]


def local_time(timestamp: str) -> str:
    """Write a timestamp as local `HH:MM:SS.mmm`; an unreadable one as it is."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return clean(timestamp)[:12].ljust(12)
    return f"{moment.astimezone():%H:%M:%S}.{moment.microsecond // 1000:03d}"
