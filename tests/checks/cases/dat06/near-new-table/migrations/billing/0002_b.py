"""R."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0002"
down_revision = "billing_0001"


def upgrade() -> None:
    op.create_table("lines", sa.Column("id", sa.Uuid, primary_key=True), sa.Column("invoice_id", sa.Uuid, nullable=False))
    op.create_index("ix_lines_invoice_id", "lines", ["invoice_id"])


def downgrade() -> None:
    pass
