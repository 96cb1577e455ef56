"""`python -m autional_cli.supervisor`: the supervisor of one instance, started by `autional up`.

The order matters for the start-up time: lock, zygote (which imports on the other core), then our own imports.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.instance import Instance
from autional_cli.supervisor.start import Command, start_method, start_zygote
from autional_cli.supervisor.volumes import acquire

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "autional_cli.supervisor.topology:WorkspaceSource"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line of the supervisor. It carries no secret and nothing that can change while it runs."""
    parser = argparse.ArgumentParser(prog="python -m autional_cli.supervisor", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the workspace")
    parser.add_argument("--instance", default=None)
    parser.add_argument("--client-fd", type=int, default=None, help="an inherited connection of the control protocol")
    parser.add_argument("--stack", default=None, help="start this stack at once, without a client")
    parser.add_argument("--began", type=float, default=None, help="when the person asked, in Unix seconds")
    parser.add_argument("--source", default=SOURCE, help="module:class that says what to run")
    parser.add_argument("--preload", default=None, help="what the zygote imports, separated by commas")
    return parser.parse_args(arguments)


def main() -> int:
    """Become the supervisor, or tell the client that there is one."""
    options = parse(sys.argv[1:])
    instance = Instance.open(options.root, options.instance)
    instance.create()
    client = socket.socket(fileno=options.client_fd) if options.client_fd is not None else None
    lock = acquire(instance.home)
    if lock is None:
        if client:
            client.sendall(b'{"attach": true}\n')
        return 0
    if client:
        client.set_inheritable(False)
        client.sendall(b'{"hello": %d}\n' % os.getpid())
    modules = tuple(filter(None, (options.preload or "").split(",")))
    zygote = None
    if start_method(dict(os.environ)) == "fork":
        command = Command(root=instance.root, log=instance.logs_dir / "zygote.out", modules=modules)
        zygote = (command, start_zygote(command))
    from autional_cli.supervisor.serve import Options, serve

    how = Options(source=options.source, stack=options.stack, began=options.began)
    try:
        return serve(instance, how, zygote, client)
    finally:
        instance.discard_run_dir()


if __name__ == "__main__":
    sys.exit(main())
