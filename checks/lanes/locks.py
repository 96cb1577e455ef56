"""What squawk says of single revisions: each alone, since in one long text it takes every table for a new one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from checks.tools.process import TOOL_S, locate

# Style, and what our own migrations see to: they run in one transaction a revision, with a time limit for locks.
EXCLUDED = (
    "prefer-bigint-over-int,prefer-bigint-over-smallint,prefer-identity,prefer-robust-stmts,"
    "prefer-text-field,prefer-timestamp-tz,require-lock-timeout,require-statement-timeout,transaction-nesting"
)
VERSION = "18.0"


def main() -> int:
    """Print squawk's findings on revisions given as `service:revision`."""
    from autional_cli.errors import AutionalError
    from checks.model import IncompleteError

    root = Path(sys.argv[1])
    try:
        answer: dict[str, Any] = {"revisions": {each: look(root, *each.split(":", 1)) for each in sys.argv[2:]}}
    except (AutionalError, IncompleteError) as failure:
        answer = {"incomplete": failure.message, "hint": failure.hint or ""}
    json.dump(answer, sys.stdout)
    return 0


def look(root: Path, service: str, revision: str) -> list[dict[str, str]]:
    """Return what squawk says of one revision: rule, statement, message, help. IncompleteError if it cannot say."""
    from autional_cli.migrations.script import revision_sql
    from checks.model import IncompleteError

    sql = revision_sql(root, service, revision)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{revision}.sql"
        path.write_text(sql.replace("squawk-ignore", "squawk ignore"), encoding="utf-8")  # P0: no comment lets it pass
        argv = [locate("squawk"), "--reporter", "json", "--assume-in-transaction", "--pg-version", VERSION]
        done = subprocess.run(  # noqa: S603 - a located tool, our own arguments
            [*argv, "--exclude", EXCLUDED, str(path)],
            capture_output=True,
            text=True,
            timeout=TOOL_S,
            check=False,
            cwd=folder,  # away from a .squawk.toml of the workspace
        )
    if done.returncode not in (0, 1):
        raise IncompleteError(f"squawk failed ({done.returncode}): {done.stderr.strip()[:200]}")
    lines = sql.split("\n")
    return [
        {
            "rule": each["rule_name"],
            "statement": " ".join(lines[each["line"]].split())[:100] if each["line"] < len(lines) else "",
            "message": each["message"],
            "help": each["help"] or "",
        }
        for each in json.loads(done.stdout or "[]")
    ]


if __name__ == "__main__":
    sys.exit(main())
