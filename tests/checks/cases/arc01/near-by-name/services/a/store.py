import importlib
import logging
import re

import services.a.names

OWN = "services.a"

importlib.import_module("services.a.names")
importlib.import_module(f"{OWN}.names")
importlib.import_module(".names", __package__)
importlib.import_module("services.chassis.db")
importlib.import_module("json")
re.compile("services.b.store")
logging.getLogger("services.b.store")
say = print
say("services.b.store")
services.a.names.find("services.b.store")


def import_module(name):
    return name


import_module("services.b.store")
