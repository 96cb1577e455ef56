"""Models against live databases, all services in one interpreter, without printing.

    targets = drift.targets(instance, ["identity"])          # or [Target("identity", "postgres", url)]
    found = asyncio.run(drift.compare(root, targets))        # list[ServiceDrift], in the order of the targets

`compare` overlaps over the services. A database that cannot be reached raises AutionalError (exit 4), and models that
cannot be loaded raise it with exit 3: neither is ever taken for "no drift".
"""

from __future__ import annotations

from autional_cli.drift.compare import Target, compare, compare_one, targets
from autional_cli.drift.model import Difference, ServiceDrift

__all__ = ["Difference", "ServiceDrift", "Target", "compare", "compare_one", "targets"]
