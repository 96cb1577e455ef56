from services.a.store import find
from services.chassis.logging import get_logger

events = get_logger(__name__)


def f(log, body, user, token, tokens, password, math):
    log.info("given: %s", token is not None)
    log.info("given", token=token is not None)
    log.info("given", token=bool(token), tokens=len(tokens), password="***")
    log.info("given", len(body["password"]))
    log.info("given", "yes" if token else "no")
    log.info("given", token and "yes")
    log.info("given", not token)
    log.info("given", extra={"has_token": bool(token), "password": None})
    log.info("given", token.startswith("x"), tokens.count(1), "token" in body)
    log.info("given", fingerprint(token))
    log.bind(user_id=user.id, token_type=body["token_type"])
    log.info("the password was changed")
    log.info("given", user_id=find(user.email).id)
    seen = token is not None
    log.info("given", seen)
    email = len(user.email)
    log.info("given", size=email)
    math.log(token)
    user.new(email=user.email)
    find(user.email)
    find(password)
    tell(user.email)


def tell(what):
    events.info("told", size=len(what), known=what is not None)
