"""Sessions and the keys that sign their access tokens."""

import sqlalchemy as sa
from alembic import op

from services.chassis.schema import create_event_tables_v1, drop_event_tables_v1

revision = "session_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("amr", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("client_ip", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mfa_attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.CheckConstraint("status IN ('pending', 'active', 'ended')", name="ck_sessions_status"),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ck_sessions_ended"),
    )
    op.create_index("ix_sessions_user_id_status", "sessions", ["user_id", "status"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("private_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    create_event_tables_v1()


def downgrade() -> None:
    """Drop the tables."""
    drop_event_tables_v1()
    op.drop_table("signing_keys")
    op.drop_table("sessions")
