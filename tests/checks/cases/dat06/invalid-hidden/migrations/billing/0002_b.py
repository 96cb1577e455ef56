"""R."""

from alembic import context, op

revision = "billing_0002"
down_revision = "billing_0001"
TABLE = "invoices"


def upgrade() -> None:  # expect: DAT06
    op.execute(f"DO $body$ BEGIN EXECUTE format('ALTER TABLE %I DROP COLUMN total', '{TABLE}'); END $body$")
    if not context.is_offline_mode():  # expect: DAT06
        op.get_bind().exec_driver_sql("ALTER TABLE invoices DROP COLUMN total")  # expect: DAT06


def downgrade() -> None:
    pass
