"""What a person should look at before a generated revision is released: pure functions over Alembic's operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.operations import ops

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def flatten(container: ops.OpContainer) -> list[ops.MigrateOperation]:
    """Return the operations of a container, those inside `ModifyTableOps` too, in order."""
    found: list[ops.MigrateOperation] = []
    for each in container.ops:
        found.extend(flatten(each) if isinstance(each, ops.OpContainer) else [each])
    return found


def review(operations: Iterable[ops.MigrateOperation]) -> list[str]:
    """Return the hints, in the order of the operations."""
    every = list(operations)
    created = {op.table_name for op in every if isinstance(op, ops.CreateTableOp)}
    found = list(_renames(every))
    for operation in every:
        table = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
        if table not in created:
            found.extend(_one(operation))
    return list(dict.fromkeys(found))


def _renames(every: list[ops.MigrateOperation]) -> Iterator[str]:
    dropped = [op for op in every if isinstance(op, ops.DropColumnOp)]
    for added in (op for op in every if isinstance(op, ops.AddColumnOp)):
        for gone in dropped:
            if gone.table_name == added.table_name and _type(gone.to_column()) == _type(added.column):
                table, old, new = added.table_name, gone.column_name, added.column.name
                yield (
                    f"{table}: is {old} renamed to {new}? Then keep its data: "
                    f'op.alter_column("{table}", "{old}", new_column_name="{new}")'
                )
    tables = [op.table_name for op in every if isinstance(op, ops.CreateTableOp)]
    for removed in (op for op in every if isinstance(op, ops.DropTableOp)):
        for name in tables:
            yield f'is {removed.table_name} renamed to {name}? Then: op.rename_table("{removed.table_name}", "{name}")'


def _one(operation: ops.MigrateOperation) -> Iterator[str]:
    for kind, tell in _TELLERS.items():
        if isinstance(operation, kind):
            yield from tell(operation)


def _added_column(op: Any) -> Iterator[str]:
    column = op.column
    place = f"{op.table_name}.{column.name}"
    if not column.nullable and column.server_default is None and column.computed is None and column.identity is None:
        yield (
            f"{place}: NOT NULL without a default fails on a table with rows; give it a server_default, or add it "
            "nullable, fill it, and set NOT NULL in a later revision"
        )


def _dropped_column(op: Any) -> Iterator[str]:
    yield f"{op.table_name}.{op.column_name}: its data is lost, and code that still runs and names it fails"


def _dropped_table(op: Any) -> Iterator[str]:
    yield f"{op.table_name}: its data is lost, and code that still runs and names it fails"


def _altered_column(op: Any) -> Iterator[str]:
    place = f"{op.table_name}.{op.column_name}"
    if op.modify_type is not None:
        yield f"{place}: a change of type rewrites the table and blocks reads and writes, unless it only widens"
    if op.modify_nullable is False:
        yield (
            f"{place}: SET NOT NULL reads the whole table and blocks meanwhile; on a big one first add "
            "CHECK (… IS NOT NULL) NOT VALID and validate it in a revision of its own"
        )


def _created_index(op: Any) -> Iterator[str]:
    yield (
        f"{op.table_name}: CREATE INDEX blocks writes meanwhile; on a big table use postgresql_concurrently=True "
        "inside `with op.get_context().autocommit_block():`"
    )


def _created_unique(op: Any) -> Iterator[str]:
    yield (
        f"{op.table_name}: a unique constraint builds its index while it blocks; on a big table create a unique index "
        "concurrently first and add the constraint USING INDEX"
    )


def _created_constraint(op: Any) -> Iterator[str]:
    table = getattr(op, "source_table", None) or op.table_name
    yield f"{table}: checking every row blocks writes; on a big one add {op.constraint_name} NOT VALID, validate later"


_TELLERS: dict[type, Any] = {
    ops.AddColumnOp: _added_column,
    ops.DropColumnOp: _dropped_column,
    ops.DropTableOp: _dropped_table,
    ops.AlterColumnOp: _altered_column,
    ops.CreateIndexOp: _created_index,
    ops.CreateUniqueConstraintOp: _created_unique,
    ops.CreateForeignKeyOp: _created_constraint,
    ops.CreateCheckConstraintOp: _created_constraint,
}


def _type(column: Any) -> str:
    return str(column.type)
