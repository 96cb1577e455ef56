from services.chassis.logging import get_logger

log = get_logger(__name__)


def note(kind, about):
    log.info(kind, about=about)
