import base64
import json
import logging
from logging import getLogger as made
from logging import info

LOG = made(__name__)


def f(password, user, request, users, values):
    info(password)  # expect: SEC04
    logging.log(10, "x %s", password)  # expect: SEC04
    LOG.info("%(p)s", {"p": password})  # expect: SEC04
    LOG.info("x %s", *[password])  # expect: SEC04
    LOG.info("x", {"user": {"password": values}})  # expect: SEC04
    LOG.info("x", ",".join(each.email for each in users))  # expect: SEC04
    LOG.info("x", request.headers.get("Authorization"))  # expect: SEC04
    LOG.info("x", json.dumps({"password": values}))  # expect: SEC04
    LOG.info("x", base64.b64encode(password))  # expect: SEC04
    LOG.info("x", vars(user)["password"])  # expect: SEC04
