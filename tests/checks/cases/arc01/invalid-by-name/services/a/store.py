import importlib
import importlib.util as util
import pkgutil
import runpy
import sys
from functools import partial
from importlib import import_module as im

import services.a.names
from services.a.names import TARGET, load
from services.chassis.loading import loaded

OTHER = "services.b"
OWN = "services.a"
take = importlib.import_module
here = partial(importlib.import_module, package="services.b")


def local(name):
    return im(name)


importlib.import_module("services.b.store")  # expect: ARC01
__import__("services.b.store")  # expect: ARC01
im(f"{OTHER}.store")  # expect: ARC01
take("services." + "b" + ".store")  # expect: ARC01
take(name="services.b.store")  # expect: ARC01
im(".store", "services.b")  # expect: ARC01
im("..b.store", __package__)  # expect: ARC01
util.find_spec("services.b.store")  # expect: ARC01
pkgutil.resolve_name("services.b.store:find")  # expect: ARC01
runpy.run_module("services.b.store")  # expect: ARC01
runpy.run_path("services/b/store.py")  # expect: ARC01
util.spec_from_file_location("b", "/srv/services/b/store.py")  # expect: ARC01
sys.modules["services.b.store"]  # expect: ARC01
exec("from services.b import store")  # expect: ARC01
eval("__import__('services.b.store')")  # expect: ARC01
getattr(importlib, "import_" + "module")("services.b.store")  # expect: ARC01
im("{}.{}".format("services", "b.store"))  # expect: ARC01
local("services.b.store")  # expect: ARC01
load("services.b.store")  # expect: ARC01
loaded(name="services.b.store")  # expect: ARC01
im(TARGET)  # expect: ARC01
services.b.store.find()  # expect: ARC01


def any_of(name):
    return im(f"services.{name}.store")  # expect: ARC01
