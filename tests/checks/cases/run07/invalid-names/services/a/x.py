import datetime as dt
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from pydantic import BaseModel, Field

from services.a.clock import clock, today

now = datetime.now
stamp = partial(datetime.utcnow)


class Row(BaseModel):
    at: datetime = Field(default_factory=datetime.now)  # expect: RUN07
    made: datetime = Field(default_factory=dt.datetime.utcnow)  # expect: RUN07
    seen: datetime = Field(default_factory=now)  # expect: RUN07
    other: datetime = Field(default_factory=clock)  # expect: RUN07


@dataclass
class Item:
    at: datetime = field(default_factory=datetime.today)  # expect: RUN07


def f(moment, column, clock_=datetime.now):  # expect: RUN07
    column(default=datetime.now, onupdate=moment)  # expect: RUN07
    column(onupdate=dt.datetime.utcnow)  # expect: RUN07
    now()  # expect: RUN07
    stamp()  # expect: RUN07
    getattr(datetime, "now")()  # expect: RUN07
    clock()  # expect: RUN07
    today()  # expect: RUN07
    dt.datetime.fromtimestamp(moment)  # expect: RUN07
    datetime.now()  # expect: RUN07
    moment.replace(tzinfo=None)  # expect: RUN07
    time.localtime()  # expect: RUN07
    time.strftime("%H")  # expect: RUN07
    column(partial(datetime.now))  # expect: RUN07
    return {"clock": datetime.utcnow}  # expect: RUN07


def g(moments):
    sorted(moments, key=datetime.fromtimestamp)  # expect: RUN07
    list(map(datetime.fromtimestamp, moments))  # expect: RUN07
