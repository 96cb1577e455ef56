import hashlib
import logging

log = logging.getLogger(__name__)


def f(token, user, tokens, known):
    log.info("x", digest=hashlib.sha256(token).hexdigest())
    log.info("x", many=sum(1 for each in tokens), some=any(each for each in tokens))
    log.info("x", ok=verify(token), valid=is_known(user.email))
    log.info("x", email_verified=user.email_verified, password_changed_at=user.at)
    log.info("x", token in known, token == known)
    log.info("password of %s", user.id)
    log.info("x", at=token.socket_address)
