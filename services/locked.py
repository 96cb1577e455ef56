"""`python services/locked.py requirements.lock`: the part of the lock that an image needs, with its hashes.

The build of an image runs it before anything is installed, so it stands alone on the standard library.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

NAMES = Path(__file__).with_name("requirements.txt")


def wanted(text: str) -> list[str]:
    """Return the names in a list of one a line; what follows `#` is a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def select(lock: str, names: list[str]) -> str:
    """Return the entries of `names`, hashes included; LookupError for those that the lock does not have."""
    entries = re.findall(r"^[A-Za-z0-9][^\n]*(?:\n[ \t][^\n]*)*", lock, re.MULTILINE)
    by_name: dict[str, list[str]] = {}
    for entry in entries:
        by_name.setdefault(re.split(r"[=\[ ;]", entry, maxsplit=1)[0], []).append(entry)
    missing = [name for name in names if name not in by_name]
    if missing:
        raise LookupError(f"not in the lock: {', '.join(missing)}; make lock")
    return "".join(f"{entry}\n" for name in names for entry in by_name[name])


if __name__ == "__main__":
    sys.stdout.write(select(Path(sys.argv[1]).read_text(encoding="utf-8"), wanted(NAMES.read_text(encoding="utf-8"))))
