from alembic import op

SQL = """
CREATE TABLE x (
  id uuid,
  at timestamp NOT NULL
)"""


def upgrade():
    op.execute(SQL)  # expect: DAT11
    op.execute("ALTER TABLE x ADD COLUMN seen TIMESTAMP(3) WITHOUT TIME ZONE")  # expect: DAT11
    op.execute("ALTER TABLE x ALTER COLUMN seen TYPE timestamp")  # expect: DAT11
    op.execute("CREATE TABLE y (at timestamptz DEFAULT LOCALTIMESTAMP)")  # expect: DAT11
    op.get_bind().exec_driver_sql('CREATE TABLE z ("when" timestamp)')  # expect: DAT11
    op.execute("CREATE TYPE z AS (at timestamp)")  # expect: DAT11
