"""`python -m services.chassis NAME` runs one service alone, under any supervisor.

An image has no command line of ours, so what an engine asks of a container is here too: `health` for its health check,
`drain` for a hook before the stop, `migrate NAME` for the job before a release.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

_NOTHING_LOST = 0
_TERMINATED = 128 + signal.SIGTERM  # a job or a question that was stopped is not done
USAGE = "usage: python -m services.chassis NAME | health | drain | migrate NAME\n"


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit code. Each way imports what it needs and no more."""
    # As process 1 of a container it would ignore the signal until the service has its own handler.
    signal.signal(signal.SIGTERM, _left_with(_TERMINATED))
    match arguments:
        case ["health"]:
            from services.chassis.health import main as health

            return health()
        case ["drain"]:
            from services.chassis.hook import main as hook

            return hook()
        case ["migrate", name]:
            from services.chassis.migration import main as migrate

            return migrate(name)
        case [name]:
            signal.signal(signal.SIGTERM, _left_with(_NOTHING_LOST))
            from services.chassis.runner import run

            return run(name)
    sys.stderr.write(USAGE)
    return 2


def _left_with(code: int) -> Callable[[int, object], NoReturn]:
    """Return a handler that ends the process where it stands.

    Nothing is in hand yet, and a transaction ends with its connection. An exception raised here would tear down an
    interpreter in the middle of an import, which crashes some extension modules.
    """

    def leave(_number: int, _frame: object) -> NoReturn:
        os._exit(code)

    return leave


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
