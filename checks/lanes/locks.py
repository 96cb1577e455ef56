"""What squawk says of single revisions: each alone, since in one long text it takes every table for a new one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from checks.model import IncompleteError
from checks.statements import unfolded
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

    root = Path(sys.argv[1])
    try:
        answer: dict[str, Any] = {"revisions": {each: look(root, *each.split(":", 1)) for each in sys.argv[2:]}}
    except (AutionalError, IncompleteError) as failure:
        answer = {"incomplete": failure.message, "hint": failure.hint or ""}
    json.dump(answer, sys.stdout)
    return 0


def look(root: Path, service: str, revision: str) -> list[dict[str, str]]:
    """Return what squawk says of one revision: rule, statement, message, help. IncompleteError if it cannot say.

    What a revision hides from squawk is said as well: that nobody can look inside.
    """
    from autional_cli.errors import AutionalError
    from autional_cli.migrations.script import revision_sql

    try:
        sql, hidden = unfolded(revision_sql(root, service, revision))
    except AutionalError as failure:
        return [unseen(revision, failure.message)]
    # P0: no comment in a revision lets it pass.
    sql = sql.replace("squawk-ignore", "squawk ignore")
    lines = sql.split("\n")
    found = [
        {
            "rule": each["rule_name"],
            "statement": " ".join(lines[each["line"]].split())[:100] if each["line"] < len(lines) else "",
            "message": each["message"],
            "help": each["help"] or "",
        }
        for each in squawk(revision, sql)
    ]
    return found + [unseen(each, "nobody can look inside") for each in hidden]


def unseen(what: str, why: str) -> dict[str, str]:
    """Return the finding for what squawk cannot be shown."""
    return {"rule": "cannot-look-inside", "statement": what, "message": why, "help": "Write it as plain statements."}


def squawk(revision: str, sql: str) -> list[dict[str, Any]]:
    """Run squawk on a script. IncompleteError when it cannot look."""
    with tempfile.TemporaryDirectory() as folder:  # away from any .squawk.toml
        path = Path(folder) / f"{revision}.sql"
        path.write_text(sql, encoding="utf-8")
        argv = [locate("squawk"), "--reporter", "json", "--assume-in-transaction", "--pg-version", VERSION]
        argv += ["--exclude", EXCLUDED, str(path)]
        done = subprocess.run(  # noqa: S603 - a located tool, our own arguments
            argv, cwd=folder, capture_output=True, text=True, timeout=TOOL_S, check=False
        )
    if done.returncode not in (0, 1):
        raise IncompleteError(f"squawk failed ({done.returncode}): {done.stderr.strip()[:200]}")
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found


if __name__ == "__main__":
    sys.exit(main())
