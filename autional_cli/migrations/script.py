"""The revision files of a service: their order, and their SQL without a database.

For the rules of `autional check`: `heads` (a single head per service), `chain` (the files in order) and `revision_sql`
(what one revision does, for squawk, which has to see each alone).
"""

from __future__ import annotations

import io
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.files import broken, inspect, several_heads
from autional_cli.migrations.plan import revisions_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

TURN_S = 120.0
# Alembic's `op` and `context` are global to the process, so it runs one migration at a time in any of its threads.
ALEMBIC = threading.Lock()


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file. `previous` is empty for the first, and several ids separated by commas for a merge."""

    id: str
    previous: str
    summary: str
    path: Path


def configuration(root: Path, service: str) -> Config:
    """Return alembic's configuration for one service; no file is read."""
    config = Config()
    config.set_main_option("script_location", literal(root / "migrations"))
    config.set_main_option("version_locations", literal(revisions_dir(root, service)))
    config.set_main_option("path_separator", "newline")  # the one thing that no path of a workspace holds
    return config


def literal(path: Path) -> str:
    """Return a path as a value of the configuration, which interpolates what follows a percent sign."""
    return str(path).replace("%", "%%")


def directory(root: Path, service: str) -> ScriptDirectory:
    """Return the revisions of a service as Alembic sees them. AutionalError (exit 3) for files it cannot load."""
    importable(root)
    inspect(root, service)
    script = ScriptDirectory.from_config(configuration(root, service))
    try:
        script.get_heads()
    except Exception as failure:  # a file runs when it is loaded, and may raise anything
        raise broken(root, service, failure) from failure
    return script


def single_head(root: Path, service: str) -> None:
    """Raise AutionalError (exit 3) if the revisions of a service have several heads: nobody knows which is meant."""
    found = heads(root, service)
    if len(found) > 1:
        raise several_heads(service, found)


def heads(root: Path, service: str) -> tuple[str, ...]:
    """Return the heads of a service's revisions; anything but one is a mistake. Loads the files."""
    return tuple(sorted(directory(root, service).get_heads()))


def chain(root: Path, service: str) -> list[Revision]:
    """Return the revisions of a service, first to last."""
    steps = reversed(list(directory(root, service).walk_revisions()))
    return [
        Revision(
            id=step.revision,
            previous=joined(step.down_revision),
            summary=(step.doc or "").strip(),
            path=Path(step.path),
        )
        for step in steps
    ]


def pending(root: Path, service: str, at: str) -> list[Revision]:
    """Return the revisions after `at` (empty: all of them). AutionalError if `at` is not among the files.

    A database that was left at several heads is at all of them, separated by commas.
    """
    found = chain(root, service)
    previous = {revision.id: revision.previous for revision in found}
    applied: set[str] = set()
    ahead = [one for one in at.split(",") if one]
    while ahead:
        one = ahead.pop()
        if one not in previous:
            raise unknown(service, one)
        applied.add(one)
        ahead += [before for before in previous[one].split(",") if before and before not in applied]
    return [revision for revision in found if revision.id not in applied]


def joined(down_revision: str | tuple[str, ...] | list[str] | None) -> str:
    """Return what a revision follows as text: of a merge, all of them, separated by commas."""
    return down_revision if isinstance(down_revision, str) else ",".join(down_revision or ())


def unknown(service: str, revision: str) -> AutionalError:
    """Return the error for a revision that has no file."""
    return AutionalError(
        f"{service}: there is no file for revision {revision!r} in migrations/{service}/",
        hint=f"autional migrate status {service}; is this an older checkout?",
        exit_code=ExitCode.SCHEMA_DRIFT,
    )


def revision_sql(root: Path, service: str, revision: str, *, down: bool = False) -> str:
    """Return the SQL of one revision alone, or of undoing it, without any database.

    Alembic's own bookkeeping is part of it. Raises AutionalError for a revision that does not exist or cannot be
    printed without a database.
    """
    found = {each.id: each for each in chain(root, service)}
    if revision not in found:
        raise unknown(service, revision)
    previous = found[revision].previous or "base"
    return sql(root, service, revision, previous) if down else sql(root, service, previous, revision)


def sql(root: Path, service: str, start: str, end: str) -> str:
    """Return the SQL that leads from revision `start` to `end` (`base` is none); up if `start` comes first."""
    importable(root)
    config = configuration(root, service)
    config.output_buffer = buffer = io.StringIO()
    order = ["base", *(revision.id for revision in chain(root, service))]
    move = command.upgrade if order.index(start) <= order.index(end) else command.downgrade
    with turn():
        try:
            move(config, f"{start}:{end}", sql=True)
        except Exception as failure:
            raise AutionalError(
                f"{service}: {start} → {end} cannot be written as SQL: {type(failure).__name__}: {failure}",
                hint="a revision that looks at data has no SQL of its own; autional migrate rehearse runs it on a copy",
                exit_code=ExitCode.CONFIGURATION,
            ) from failure
    return buffer.getvalue()


@contextmanager
def turn() -> Iterator[None]:
    """Have Alembic's globals for the block, against other threads."""
    if not ALEMBIC.acquire(timeout=TURN_S):
        raise AutionalError(f"another migration of this process did not end within {TURN_S:g} s")
    try:
        yield
    finally:
        ALEMBIC.release()


def importable(root: Path) -> None:
    """Let revisions import `services.*` of the workspace."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
