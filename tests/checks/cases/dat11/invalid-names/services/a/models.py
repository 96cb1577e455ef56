import datetime as dt
from datetime import datetime
from typing import Annotated, Optional

import sqlalchemy as sa
from sqlalchemy import DateTime
from sqlalchemy import DateTime as When
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

Time = sa.DateTime
NAIVE = False
Stamp = Annotated[datetime, mapped_column(nullable=False)]  # expect: DAT11


class Row:
    a: Mapped[datetime]  # expect: DAT11
    b: Mapped[datetime | None] = mapped_column(nullable=True)  # expect: DAT11
    c: Mapped[Optional[dt.datetime]] = mapped_column(default=None)  # expect: DAT11
    d: Mapped["datetime"] = mapped_column("d")  # expect: DAT11
    e: Mapped[datetime] = mapped_column(When())  # expect: DAT11
    f: Mapped[datetime] = mapped_column(Time)  # expect: DAT11
    g: Mapped[datetime] = mapped_column(Time())  # expect: DAT11
    h: Mapped[datetime] = mapped_column(postgresql.TIMESTAMP)  # expect: DAT11
    i: Mapped[datetime] = mapped_column(DateTime(timezone=NAIVE))  # expect: DAT11
    j: "Mapped[datetime]"  # expect: DAT11
    k: Mapped[datetime] = mapped_column(DateTime(True), server_default=sa.func.localtimestamp())  # expect: DAT11
