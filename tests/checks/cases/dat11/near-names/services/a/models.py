from datetime import date, datetime
from typing import Annotated

from sqlalchemy import DateTime
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import Moment

AWARE = True
Stamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Zoned = DateTime(True)


class Row:
    a: Mapped[Moment]
    b: Mapped[Stamp]
    c: Mapped[datetime] = mapped_column(DateTime(True))
    d: Mapped[datetime | None] = mapped_column(DateTime(timezone=AWARE))
    e: Mapped[datetime] = mapped_column(Zoned, nullable=False)
    f: Mapped[date]
    g: datetime


def is_time(column):
    return isinstance(column.type, DateTime) or type(column.type) is DateTime
