"""R."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0003"
down_revision = "billing_0001"  # expect: DAT04


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
