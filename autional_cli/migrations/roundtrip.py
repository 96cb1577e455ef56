"""Every revision of a service up, down and up again, on an empty database of its own (rule DAT05).

problems = await up_down_up(root, "identity", operator_url(instance))   # [] or what went wrong, as text
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.drift import catalog
from autional_cli.errors import AutionalError
from autional_cli.migrations.apply import connected, downgrade, upgrade
from autional_cli.migrations.scratch import scratch_database
from autional_cli.migrations.script import chain

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


async def up_down_up(root: Path, service: str, operator_url: str) -> list[str]:
    """Return what is wrong with the way there and back; empty if every `downgrade` undoes its `upgrade`.

    Raises AutionalError (exit 4) if the server cannot be reached.
    """
    problems: list[str] = []
    async with scratch_database(operator_url) as url:
        empty = await _snapshot(url)
        try:
            await upgrade(root, service, url)
            first = await _snapshot(url)
            for revision in reversed(chain(root, service)):
                await downgrade(root, service, url, revision.previous or "base")
            problems += _left(empty, await _snapshot(url), "after every downgrade there is still")
            await upgrade(root, service, url)
            problems += _left(first, await _snapshot(url), "the second upgrade made something else:")
        except AutionalError as failure:
            problems.append(failure.message)
    return problems


async def _snapshot(url: str) -> catalog.Snapshot:
    def read(connection: Connection) -> catalog.Snapshot:
        return catalog.read(connection, "public")

    found: catalog.Snapshot = await connected(url, read)
    return found


def _left(wanted: catalog.Snapshot, found: catalog.Snapshot, words: str) -> list[str]:
    differing = [item for key, item in {**wanted, **found}.items() if wanted.get(key) != found.get(key)]
    return [f"{words} {item.family} {item.object}" for item in differing if item.family != "column"]
