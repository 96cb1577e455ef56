"""`python -m tests.leftover ROOT INSTANCE`: stops the platform of a test whose pytest was killed; removes its state."""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from autional_cli.commands.down import reach
from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.supervisor import client

DOWN_S = 10.0


def main() -> int:
    """Do it; an instance that nobody started is no error."""
    instance = Instance.open(Path(sys.argv[1]), sys.argv[2])
    with suppress(AutionalError):
        connection = reach(instance, DOWN_S)  # one that is just starting is waited for
        if connection:
            with connection:
                client.wait_gone(connection.request("down", timeout_s=DOWN_S, volumes=True)["pid"])
    shutil.rmtree(instance.home, ignore_errors=True)
    instance.discard_run_dir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
