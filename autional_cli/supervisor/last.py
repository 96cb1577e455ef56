"""What failed before the supervisor ended, so that `why` can answer when nothing runs any more."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autional_cli import ports
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import lock_block, write_private
from autional_cli.supervisor.process import is_alive, start_time
from autional_cli.supervisor.why import explanation

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.supervisor.platform import Platform

FILE = "last.json"
RUN = "running.json"  # there from the start of a supervisor to its end: left behind by one that was killed
OTHERS = ("telemetry", "migrations")


def remember(instance: Instance, platform: Platform) -> None:
    """Keep the explanation of every unit as it is now; nothing is kept when all is well.

    It must not keep a platform from stopping, so a full disk or a deleted directory passes in silence.
    """
    failing = any(unit.failing for unit in platform.board)
    found = (
        {
            d.name: explanation(platform.board, d, lambda name: platform.runners[name].output())
            for d in platform.definitions()
        }
        if failing
        else {}
    )
    with suppress(OSError):
        write_private(instance.home / FILE, json.dumps(found))


def begin(instance: Instance) -> None:
    """Note that a supervisor runs. A full disk passes in silence."""
    with suppress(OSError):
        note = {"pid": os.getpid(), "started": start_time(os.getpid()), "at": round(time.time(), 3)}
        write_private(instance.home / RUN, json.dumps(note))
        (instance.home / FILE).unlink(missing_ok=True)


def end(instance: Instance, why: str = "") -> None:
    """Note that the supervisor has ended in order, and `why` if nobody asked it to."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        path = instance.home / RUN
        note = json.loads(path.read_bytes())
        if note["pid"] != os.getpid():
            return  # the folder is another one, with a supervisor of its own
        if why:
            write_private(path, json.dumps({**note, "ended": why}))
        else:
            path.unlink()


def killed(instance: Instance) -> str:
    """Return in words why the last supervisor ended if nobody asked it to: when, and what is left of it; else empty."""
    try:
        note = json.loads((instance.home / RUN).read_bytes())
        pid, started = int(note["pid"]), str(note["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if is_alive(pid, started):
        return ""
    if note.get("ended"):
        return f"its supervisor (pid {pid}) stopped everything: {note['ended']}"
    ended = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last_sign(instance, float(note["at"]))))
    words = f"its supervisor (pid {pid}) was killed (kill -9, or the kernel ran out of memory) or crashed after {ended}"
    left = left_behind(instance)
    if not left:
        return f"{words}; nothing of it is left running, its data is kept"
    return f"{words}; still there: {', '.join(f'{holder} on port {holder.port}' for holder in left)}"


def left_behind(instance: Instance) -> list[ports.Holder]:
    """Return who listens on the ports of an instance that does not run, unless another instance has them by now."""
    claim = lock_block(instance.block.base)
    if claim is None:
        return []
    claim.close()
    return [holder for port in instance.block.needed() if (holder := ports.holder(port)) and holder.pid]


def last_sign(instance: Instance, began: float) -> float:
    """Return when a supervisor wrote to its log last, in Unix seconds; when it began if it never did."""
    try:
        return max(began, (instance.logs_dir / "supervisor.jsonl").stat().st_mtime)
    except OSError:
        return began


def must_be_known(instance: Instance, name: str) -> None:
    """Raise AutionalError (exit 2) for a name that the workspace does not have."""
    from autional_cli.workspace.discover import discover
    from autional_cli.workspace.model import RESOURCES
    from autional_cli.workspace.source import suggest

    services = discover(instance.root)
    names = [*services, *RESOURCES, *OTHERS]
    if services and re.sub(r"-\d+$", "", name) not in names:
        raise AutionalError(
            f"there is no service or resource {name!r}{suggest(name, names)}", hint=f"there are: {', '.join(names)}"
        )


def recall(instance: Instance, name: str) -> dict[str, Any]:
    """Return the last explanation of a unit. AutionalError (exit 4) when nothing is known about it."""
    try:
        known = json.loads((instance.home / FILE).read_bytes())
    except (OSError, ValueError):
        known = {}
    if name not in known:
        must_be_known(instance, name)
        raise AutionalError(
            f"instance {instance.name} is not running"
            + (f": {how}" if (how := killed(instance)) else ", and nothing failed when it last ran"),
            hint="autional up",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    found: dict[str, Any] = known[name]
    command = re.sub(
        r"autional (restart|wait|logs) \S+ .*|autional (restart|wait|logs) \S+$", "autional up", found["next"]
    )
    return found | {
        "summary": f"the platform does not run; when it stopped: {found['summary']}",
        "next": command,
    }
