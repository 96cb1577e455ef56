"""Models against live databases, all services in one interpreter, without printing.

    targets = drift.targets(instance, ["identity"])          # or [Target("identity", "postgres", url)]
    found = asyncio.run(drift.compare(root, targets))        # list[ServiceDrift], in the order of the targets

Kinds are `<what>_<missing|extra|fact>`. For the rules of `autional check`: DAT01 `table_*`, `column_type`,
`column_nullable`, `column_missing` … and keys, sequences, views, triggers, policies, and around the schema `role_*`,
`database_*` …; DAT02 `enum_*`; DAT03 `check_*`, `index_*`, `column_default`; DAT12 `revision_*`; DAT13 `collection_*`,
`mongo_*`, `validator*`. `families.kinds()` has them all; ADR 28 says what is compared and what a mend may do.

`compare` overlaps over the services. A database that cannot be reached raises AutionalError (exit 4), and models that
cannot be loaded raise it with exit 3: neither is ever taken for "no drift".
"""

from __future__ import annotations

from autional_cli.drift.compare import Target, compare, compare_one, targets
from autional_cli.drift.model import Difference, ServiceDrift

__all__ = ["Difference", "ServiceDrift", "Target", "compare", "compare_one", "targets"]
