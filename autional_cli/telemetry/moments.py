"""Durations and instants as people and Jaeger's API write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from autional_cli.errors import AutionalError

PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|d|h|m|s)")
UNIT_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}


def parse_duration(text: str) -> int:
    """Read `1h30m`, `1.5s`, `250ms`, `2d` as nanoseconds (Go's time.ParseDuration, and days); ValueError otherwise."""
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration like 15m, 2h or 1.5s")
    return round(sum(float(number) * UNIT_NS[unit] for number, unit in parts))


def parse_instant(text: str) -> int:
    """Read an RFC 3339 time as nanoseconds since the epoch; a time without a zone is UTC. ValueError otherwise."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)?", text)
    if found is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time like 2026-11-22T10:00:00Z")
    zone = (found[3] or "Z").upper().replace("Z", "+00:00")
    moment = datetime.fromisoformat(found[1].upper().replace(" ", "T") + zone)
    seconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * 10**9 + int((found[2] or "0").ljust(9, "0"))


def parse_since(text: str, now_ns: int) -> int:
    """Read `--since`, a duration before now or an RFC 3339 time, as nanoseconds since the epoch (not before that).

    AutionalError (usage) otherwise.
    """
    try:
        is_instant = text[:4].isdigit() and "-" in text
        return max(0, parse_instant(text) if is_instant else now_ns - parse_duration(text))
    except ValueError as failure:
        raise AutionalError(f"--since: {failure}", hint="for instance --since 15m") from failure


def format_instant(time_ns: int) -> str:
    """Write nanoseconds since the epoch as RFC 3339 in UTC with nanoseconds."""
    seconds, nanos = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def format_duration(duration_ns: float) -> str:
    """Write a duration for a person: `850 µs`, `31.2 ms`, `4.05 s`, `3 min 20 s`."""
    if duration_ns < 999_500:
        return f"{duration_ns / 1e3:.0f} µs"
    if duration_ns < 99_950_000:
        return f"{duration_ns / 1e6:.1f} ms"
    if duration_ns < 999_500_000:
        return f"{duration_ns / 1e6:.0f} ms"
    if duration_ns < 60 * 10**9:
        return f"{duration_ns / 1e9:.2f} s"
    minutes, seconds = divmod(round(duration_ns / 1e9), 60)
    return f"{minutes} min {seconds} s"
