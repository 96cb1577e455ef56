"""Where an instance keeps its traces and logs, found without importing the rest of the command line."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.redaction import learn_instance
from autional_cli.telemetry.reader import Reader
from autional_cli.telemetry.schema import ForeignStoreError
from autional_cli.workspace.locate import find_root

if TYPE_CHECKING:
    from autional_cli.telemetry.model import Backend


def find_home(instance: str | None) -> Path:
    """Return `<workspace>/.autional/<instance>`; AutionalError (exit 3) for one that is named and not there."""
    name = instance or os.environ.get("AUTIONAL_INSTANCE") or "default"
    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,31}", name):
        raise AutionalError(f"{name!r} is not an instance name", hint="use a-z, 0-9 and -, at most 32 characters")
    home = find_root() / ".autional" / name
    if instance and name != "default" and not home.is_dir():
        raise AutionalError(
            f"there is no instance {name!r} in {home.parents[1]}",
            hint=f"autional up --instance {name} starts one",
            exit_code=ExitCode.CONFIGURATION,
        )
    learn_instance(home)
    return home


def open_traces(home: Path, now_ns: int) -> Backend:
    """Open the traces of an instance: its own store, or the Jaeger that it sends them to."""
    url = jaeger_of(home)
    if url is None:
        return open_store(home)
    from autional_cli.telemetry.jaeger import JaegerClient

    return JaegerClient(url, now_ns=now_ns)


def jaeger_of(home: Path) -> str | None:
    """Return the URL of the Jaeger that an instance sends its traces to; None when it keeps them itself."""
    try:
        return json.loads((home / "instance.json").read_bytes()).get("jaeger") or None
    except (OSError, ValueError, AttributeError):
        return None


def open_store(home: Path) -> Reader:
    """Open the trace store of an instance; raises AutionalError (backend unavailable)."""
    path = home / "traces.db"
    if not path.exists():
        reason, hint = f"there is no trace store at {path}", f"start the platform: autional up --instance {home.name}"
    else:
        try:
            return Reader.open(path)
        except (sqlite3.Error, ForeignStoreError) as failure:
            reason = f"the trace store {path} cannot be read: {failure}"
            hint = "restart the platform, which sets a damaged store aside: autional down && autional up"
    raise AutionalError(reason, hint=hint, exit_code=ExitCode.BACKEND_UNAVAILABLE)
