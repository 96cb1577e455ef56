"""Changes of a column's type that say how the values are converted, which PostgreSQL asks for in most cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import render, renderers
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


class CastColumnOp(ops.AlterColumnOp):
    """A change of type with `postgresql_using`."""


@renderers.dispatch_for(CastColumnOp)
def render_cast(context: AutogenContext, op: CastColumnOp) -> str:
    """Return the operation as Python. Alembic's own rendering leaves `postgresql_using` out."""
    return f"{render._alter_column(context, op)[:-1]}, postgresql_using={op.kw['postgresql_using']!r})"


def add_casts(operations: list[ops.MigrateOperation]) -> None:
    """Turn every plain change of type into one that converts by a cast."""
    for op in operations:
        if type(op) is ops.AlterColumnOp and op.modify_type is not None:
            wanted = op.modify_type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
            column = (
                op.column_name if op.column_name.isidentifier() and op.column_name.islower() else f'"{op.column_name}"'
            )
            op.kw["postgresql_using"] = f"{column}::{wanted}"
            op.__class__ = CastColumnOp
