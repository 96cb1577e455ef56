"""R."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0001"
down_revision = None


def upgrade() -> None:
    op.create_table("invoices", sa.Column("id", sa.Uuid, primary_key=True))


def downgrade() -> None:
    pass
