"""The configuration files of the embedded PostgreSQL. They are ours as a whole, so an old one never survives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.workspace.model import Setting

DEFAULTS: Mapping[str, Setting] = {
    "unix_socket_directories": "",  # TCP on the loopback interface only
    "max_connections": 400,
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: a server that is killed leaves nothing elsewhere
    "jit": False,
    # Fewer processes for a laptop: reads in the backend itself, no replication, one helper for vacuum.
    "io_method": "sync",
    "max_logical_replication_workers": 0,
    "max_wal_senders": 0,
    "wal_level": "minimal",
    "autovacuum_max_workers": 1,
    # A data directory is copied to start a new instance, so its log is kept short.
    "min_wal_size": "2MB",
    "max_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": False,
    "log_timezone": "UTC",
    "timezone": "UTC",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.english",
}

# `sameuser`: a role reaches the database of its own name and no other; the operator reaches all.
ACCESS = f"""\
# Written by autional at every start.
# type  database  user      address        method
host    all       autional  {LOOPBACK}/32  scram-sha-256
host    sameuser  all       {LOOPBACK}/32  scram-sha-256
"""


def postgresql_conf(port: int, settings: Mapping[str, Setting]) -> str:
    """Return postgresql.conf with the stack's `settings` on top; where it listens is not theirs to change."""
    merged = {**DEFAULTS, **settings, "listen_addresses": LOOPBACK, "port": port}
    lines = "".join(f"{name} = {quoted(value)}\n" for name, value in merged.items())
    return f"# Written by autional at every start; put your settings into the stack file.\n{lines}"


def quoted(value: Setting) -> str:
    """Return a value as postgresql.conf wants it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''").replace("\n", " ") + "'"
