"""The configuration file of Redis, on every driver. It is ours as a whole, so an old one never survives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autional_cli.workspace.model import Setting

COMMON: Mapping[str, Setting] = {
    "save": "",
    "hz": 5,  # housekeeping per second while idle, rising with the load; a stop signal is noticed at the next one
    "dynamic-hz": True,
    "protected-mode": True,
    "daemonize": False,
    "logfile": "",
}
KINDS: Mapping[str, Mapping[str, Setting]] = {
    "redis": {
        "appendonly": True,
        "appendfsync": "everysec",
        "aof-load-truncated": True,  # what a crash cut off was never acknowledged as safe
        "maxmemory-policy": "noeviction",
    },
    "cache": {"appendonly": False, "maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"},
}


def redis_conf(name: str, settings: Mapping[str, Setting], fixed: Mapping[str, Setting]) -> str:
    """Return the file of the bus or the cache, the stack's `settings` on top; `fixed` is not theirs to change."""
    merged = {**COMMON, **KINDS[name], **settings, **fixed}
    lines = "".join(f"{key} {quoted(value)}\n" for key, value in merged.items())
    return f"# Written by autional at every start; put your settings into the stack file.\n{lines}"


def literal(path: Path) -> str:
    """Return the path of the file as an argument: one with a wildcard is a pattern (glob(3)), and the server would run
    with its own defaults, on every interface, where nothing matches."""
    text = str(path)
    if not set(text) & set("*?["):
        return text
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def quoted(value: Setting) -> str:
    """Return a value as redis.conf wants it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
