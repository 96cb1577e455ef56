"""Alembic's environment, shared by all services: the caller hands over the connection and the service's name.

Without a connection (`--sql`) the statements are written out instead. `options` are further ones of the caller.
"""

from __future__ import annotations

from alembic import context

given = context.config.attributes
options = {
    "target_metadata": given.get("metadata"),
    "compare_type": True,
    "compare_server_default": True,
    "transaction_per_migration": True,
    **given.get("options", {}),
}
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, **options)
else:
    context.configure(connection=given["connection"], **options)
with context.begin_transaction():
    context.run_migrations()
