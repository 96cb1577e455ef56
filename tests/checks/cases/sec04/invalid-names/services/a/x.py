import logging
import sys

import structlog
from structlog import get_logger as make

from services.a.audit import note
from services.chassis.logging import get_logger

events = get_logger(__name__)
other = logging.getLogger("x")
third = structlog.stdlib.get_logger()
fourth = make()
say = events.info
KEY = "password"


class Work:
    def __init__(self):
        self._events = get_logger(__name__)

    def go(self, user):
        self._events.info("x", email=user.email)  # expect: SEC04
        self._events.bind(token=user.token).info("x")  # expect: SEC04


def f(log, body, user, v, token):
    log.info("x", body["password"])  # expect: SEC04
    log.info("x", body.get("password"))  # expect: SEC04
    log.info("x", body[KEY])  # expect: SEC04
    log.info("x", getattr(body, "password"))  # expect: SEC04
    log.info("x %s" % body["token"])  # expect: SEC04
    log.info("x {}".format(body.password))  # expect: SEC04
    log.info(f"x {body['password']!r}")  # expect: SEC04
    log.info("x " + token)  # expect: SEC04
    log.info("x", extra={"password": v})  # expect: SEC04
    log.info("x", **{"password": v})  # expect: SEC04
    log.info("x", dict(password=v))  # expect: SEC04
    log.info("x", token.get_secret_value())  # expect: SEC04
    log.info("x", token[:4])  # expect: SEC04
    log.info("x", str(user.email).lower())  # expect: SEC04
    log.info("x", accessToken=v)  # expect: SEC04
    log.info("x", body["x-api-key"])  # expect: SEC04
    log.info("x", token=secrets.token_urlsafe())  # expect: SEC04
    log.info("x", token or "none")  # expect: SEC04
    log.info("x", token if v else "none")  # expect: SEC04
    bound = log.bind(email=v)  # expect: SEC04
    bound.info("x")
    structlog.contextvars.bind_contextvars(phone=v)  # expect: SEC04
    given = body.password
    log.info("x", given)  # expect: SEC04
    extra = {"secret": v}
    log.info("x", extra=extra)  # expect: SEC04
    message = f"for {token}"
    log.info(message)  # expect: SEC04
    events.warning("x", token)  # expect: SEC04
    other.error("x %s", user.phone)  # expect: SEC04
    third.debug("x", cookie=v)  # expect: SEC04
    fourth.info("x", iban=v)  # expect: SEC04
    say("x", token)  # expect: SEC04
    logging.getLogger("y").getChild("z").info(token)  # expect: SEC04
    getattr(log, "info")(token)  # expect: SEC04
    print(token)  # expect: SEC04
    sys.stderr.write(f"{user.email}")  # expect: SEC04
    tell(token)  # expect: SEC04
    note("login", user.email)  # expect: SEC04
    note("login", about=f"<{user.email}>")  # expect: SEC04


def tell(what):
    events.info("told", value=what)
