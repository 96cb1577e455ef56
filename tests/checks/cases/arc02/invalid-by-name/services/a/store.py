import importlib

importlib.import_module("services.a.routes")  # expect: ARC02
importlib.import_module(".routes", __package__)  # expect: ARC02
