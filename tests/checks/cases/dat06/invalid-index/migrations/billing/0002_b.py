"""R."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0002"
down_revision = "billing_0001"


def upgrade() -> None:  # expect: DAT06
    op.create_index("ix_invoices_note", "invoices", ["note"])
    op.alter_column("invoices", "total", type_=sa.BigInteger)


def downgrade() -> None:
    pass
