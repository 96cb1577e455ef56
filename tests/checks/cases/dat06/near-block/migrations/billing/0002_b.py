"""R."""

from alembic import op

revision = "billing_0002"
down_revision = "billing_0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.note := 'ALTER TABLE invoices DROP COLUMN total; DROP TABLE invoices';
          UPDATE invoices SET total = CASE WHEN total > 0 THEN 1 ELSE 2 END; -- DROP TABLE invoices
          EXECUTE format('SELECT count(*) FROM %I', TG_TABLE_NAME);
          RETURN NEW;
        END $$
        """
    )
    op.execute("DO $$ BEGIN RAISE NOTICE 'DROP TABLE invoices'; PERFORM 1; END $$")
    with op.get_context().autocommit_block():
        op.create_index("ix_invoices_total", "invoices", ["total"], postgresql_concurrently=True)


def downgrade() -> None:
    op.get_bind()
