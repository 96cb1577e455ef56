import importlib

importlib.import_module("services.a.store")  # expect: ARC03
