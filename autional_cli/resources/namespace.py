"""PostgreSQL refuses to run as root. Inside a user namespace where root is mapped to an ordinary id, it need not know.

No system user is made and no parent directory is opened up: outside the namespace the files still belong to root.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from autional_cli.errors import AutionalError, ExitCode

UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
TRIAL_S = 5.0


def prefix() -> tuple[str, ...]:
    """Return what to put before a PostgreSQL program: nothing, unless this is root. The program keeps the pid."""
    return UNSHARE if os.geteuid() == 0 else ()


def inspect() -> None:
    """Raise AutionalError when this is root and user namespaces are refused."""
    if os.geteuid() != 0:
        return
    if shutil.which(UNSHARE[0]) is None:
        raise refused("the program unshare (util-linux) is not installed")
    try:
        trial = subprocess.run(  # noqa: S603 - the arguments are constants
            [*UNSHARE, "true"], capture_output=True, text=True, timeout=TRIAL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise refused("unshare did not answer") from None
    if trial.returncode:
        raise refused(trial.stderr.strip() or f"unshare ended with status {trial.returncode}")


def refused(why: str) -> AutionalError:
    """Return the error for root without user namespaces."""
    return AutionalError(
        f"PostgreSQL does not run as root, and user namespaces are not available here: {why}",
        hint="run autional as an ordinary user, or allow them: sysctl user.max_user_namespaces=10000",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )
