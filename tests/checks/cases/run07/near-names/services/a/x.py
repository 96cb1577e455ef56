import time
from datetime import UTC, datetime
from functools import partial

from services.a.clock import utcnow

now = partial(datetime.now, UTC)
read = datetime.now


class Clock:
    def now(self):
        return 1


def f(column, clock: Clock, at):
    column(default_factory=utcnow)
    column(default_factory=now)
    column(default_factory=partial(datetime.now, tz=UTC))
    column(default_factory=lambda: datetime.now(UTC))
    column(default_factory=clock.now)
    clock.now()
    utcnow()
    now()
    read(UTC)
    datetime.fromtimestamp(at, UTC)
    time.gmtime()
    time.strftime("%H", time.gmtime())
    at.replace(tzinfo=UTC)
    "now".replace("n", "w")
