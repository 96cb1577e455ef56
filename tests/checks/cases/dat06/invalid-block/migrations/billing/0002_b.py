"""R."""

from alembic import op

revision = "billing_0002"
down_revision = "billing_0001"
TABLE = "invoices"


def upgrade() -> None:  # expect: DAT06
    op.execute(
        """
        DO $$ BEGIN
          IF EXISTS (SELECT CASE WHEN true THEN 1 END) THEN
            ALTER TABLE invoices ADD COLUMN note text NOT NULL;
          END IF;
        END $$
        """
    )


def downgrade() -> None:
    pass
