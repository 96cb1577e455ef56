"""Which service runs as the first process of this container, and where. Standard library only: probes start quickly."""

from __future__ import annotations

import os
from importlib import import_module
from itertools import pairwise
from pathlib import Path

MODULE = "services.chassis"
_LOOPBACK = "127.0.0.1"


class NoServiceError(Exception):
    """The first process of this container is none of our services."""


def served(proc: Path = Path("/proc")) -> str:
    """Return the name of the service. An init of the engine's (`docker run --init`) may stand before it."""
    words = (proc / "1" / "cmdline").read_bytes().decode(errors="replace").split("\0")
    for module, name in pairwise(words):
        if module == MODULE and name.isidentifier():
            return name
    raise NoServiceError(f"process 1 is not `python -m {MODULE} NAME` but: {' '.join(words).strip()}")


def service_pid(proc: Path = Path("/proc")) -> int:
    """Return the process id of the service: 1, or the child of an init."""
    name = served(proc)
    for entry in sorted((int(each.name) for each in proc.glob("[0-9]*")), reverse=True):
        words = _words(proc / str(entry))
        if words[1:4] == ["-m", MODULE, name]:
            return entry
    return 1


def _words(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def is_every_address(host: str) -> bool:
    """Whether who binds `host` listens at every address of the machine."""
    return not host.strip("0.:")


def http_address() -> tuple[str, int]:
    """Return where the service of this container answers HTTP, as its own settings say."""
    host = os.environ.get("AUTIONAL_HOST") or _LOOPBACK
    port = os.environ.get("AUTIONAL_HTTP_PORT")
    if not port:
        port = import_module(f"services.{os.environ.get('AUTIONAL_SERVICE') or served()}.service").SPEC.port
    return (_LOOPBACK if is_every_address(host) else host), int(port)
