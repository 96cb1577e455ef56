from alembic import op


def upgrade():
    op.execute("CREATE TABLE x (timestamp timestamptz, at timestamp with time zone, b TIMESTAMP (3) WITH TIME ZONE)")
    op.execute("ALTER TABLE x ADD COLUMN timestamp timestamptz")
    op.execute("SELECT now()::timestamp")
    op.execute("COMMENT ON TABLE x IS 'a timestamp of creation'")
