"""The revision that a database is at, against the head of the service's revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from autional_cli.drift.model import Difference
from autional_cli.migrations.script import configuration

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


def compare_revision(connection: Connection, root: Path, service: str) -> tuple[str, str, list[Difference]]:
    """Return the live revision, the head, and what is wrong with them.

    Kinds: `revision_missing` (never migrated), `revision_behind`, `revision_unknown` (not among the files) and
    `revision_heads` (the files have several heads).
    """
    script = ScriptDirectory.from_config(configuration(root, service))
    heads = sorted(script.get_heads())
    live = sorted(MigrationContext.configure(connection).get_current_heads())
    revision, head = ",".join(live), ",".join(heads)
    found = []
    if len(heads) > 1:
        found.append(_difference("heads", service, revision, head, "make one revision follow the other"))
    if live != heads:
        known = {step.revision for step in script.walk_revisions()} if heads else set()
        up = f"autional migrate up {service}"
        if not live:
            found.append(_difference("missing", service, revision, head, up))
        elif set(live) <= known:
            found.append(_difference("behind", service, revision, head, up))
        else:
            mend = f"restore migrations/{service}/ as it was when {revision} was applied, or restore the database"
            found.append(_difference("unknown", service, revision, head, mend))
    return revision, head, found


def _difference(what: str, service: str, revision: str, head: str, mend: str) -> Difference:
    return Difference(f"revision_{what}", f"{service}.alembic_version", head, revision, mend)
