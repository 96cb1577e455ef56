"""R."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0001"
down_revision = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
