from __future__ import annotations

from typing import TYPE_CHECKING

from services.billing.shapes import Consumer as Buyer
from services.chassis.bus import Apply

if TYPE_CHECKING:
    from services.chassis.bus import Consumer


class Shop(Buyer):
    pass


def build(app, db, handler: Apply, consumer: Consumer, news, redis):
    Buyer()
    news.subscribe("weekly")
    redis.xlen("s")
    return app.with_consumer(db, {"user.created": handler})
