"""R."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0002"
down_revision = "billing_0001"


def upgrade() -> None:
    op.add_column("invoices", sa.Column("note", sa.Text, nullable=True))


def downgrade() -> None:
    pass
