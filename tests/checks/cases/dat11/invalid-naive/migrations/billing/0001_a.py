import sqlalchemy as sa

C = sa.Column("at", sa.DateTime(timezone=False))  # expect: DAT11
