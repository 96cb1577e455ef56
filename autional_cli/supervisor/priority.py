"""How much of the processor a process gets beside the others, without privileges.

On Linux with autogroups (sched(7)) each session competes as a whole and a process's own nice counts only within its
session. Every child of ours leads a session, so it is the nice of the autogroup that decides between them; that one its
owner may also lower again. Where there is none (macOS, a control group of its own) nice alone is left, which only goes
up: there what is to be undone is not done.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path

YIELDING, NORMAL = 10, 0
AGAIN_S, GIVE_UP_S = 0.02, 5.0  # the kernel takes ten changes of autogroups a second from an ordinary user


async def yield_for_good(pid: int) -> None:
    """Let a process yield to the others."""
    _set_nice(pid, YIELDING)
    await yield_for_now(pid)


async def yield_for_now(pid: int) -> None:
    """Let the session that `pid` leads yield to the others, until `compete`."""
    await _until_set(pid, YIELDING)


async def compete(pid: int) -> None:
    """Give the session that `pid` leads its full share."""
    await _until_set(pid, NORMAL)


async def _until_set(pid: int, nice: int) -> None:
    for _ in range(int(GIVE_UP_S / AGAIN_S)):
        if _set_autogroup(pid, nice):
            return
        await asyncio.sleep(AGAIN_S)


def _set_autogroup(pid: int, nice: int) -> bool:
    """Write /proc/PID/autogroup, if there is one; false if it is too early, or the kernel wants to be asked later."""
    try:
        if os.getsid(pid) != pid:  # it was forked a moment ago and is still in its parent's session
            return False
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")
    except OSError as refused:
        return refused.errno != errno.EAGAIN
    return True


def _set_nice(pid: int, nice: int) -> None:
    """Set the nice of each thread: Linux schedules them one by one."""
    threads = [pid]
    with suppress(OSError):
        threads += [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    for thread in threads:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, nice)
