"""The configuration files of PostgreSQL, on every driver. They are ours as a whole, so an old one never survives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.workspace.model import Setting

COMMON: Mapping[str, Setting] = {
    "max_connections": 400,
    "jit": False,
    "max_wal_senders": 0,  # no replication
    "wal_level": "minimal",
    "checkpoint_timeout": "15min",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": False,
    "log_timezone": "UTC",
    "timezone": "UTC",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.english",
}


def postgresql_conf(
    defaults: Mapping[str, Setting], settings: Mapping[str, Setting], fixed: Mapping[str, Setting]
) -> str:
    """Return postgresql.conf: a driver's `defaults`, the stack's `settings` on top; `fixed` is not theirs to change."""
    merged = {**COMMON, **defaults, **settings, **fixed}
    lines = "".join(f"{name} = {quoted(value)}\n" for name, value in merged.items())
    return f"# Written by autional at every start; put your settings into the stack file.\n{lines}"


def pg_hba(addresses: str) -> str:
    """Return pg_hba.conf for clients at `addresses`.

    `sameuser`: a role reaches the database of its own name and no other; the operator reaches all.
    """
    return f"""\
# Written by autional at every start.
# type  database  user      address        method
host    all       {OPERATOR}  {addresses}  scram-sha-256
host    sameuser  all       {addresses}  scram-sha-256
"""


def quoted(value: Setting) -> str:
    """Return a value as postgresql.conf wants it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''").replace("\n", " ") + "'"
