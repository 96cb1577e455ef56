import sqlalchemy as sa
from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):  # expect: DAT11
    pass


A = mapped_column(DateTime)  # expect: DAT11
B = mapped_column(sa.DateTime())  # expect: DAT11
