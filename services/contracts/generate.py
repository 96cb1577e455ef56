"""Generate the modules of this package: `python -m services.contracts.generate`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run protoc for every `services/<name>/<name>.proto`; return the worst exit code."""
    from grpc_tools import protoc

    worst = 0
    root = HERE.parent.parent
    for proto in sorted(HERE.parent.glob("*/*.proto")):
        arguments = [
            "protoc",
            f"-Iservices/contracts={proto.parent}",
            f"--python_out={root}",
            f"--pyi_out={root}",
            f"--grpc_python_out={root}",
            f"services/contracts/{proto.name}",
        ]
        worst = max(worst, protoc.main(arguments))
    return worst


if __name__ == "__main__":
    sys.exit(main())
