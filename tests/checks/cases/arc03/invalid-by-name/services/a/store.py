import importlib

importlib.import_module("checks.engine")  # expect: ARC03
importlib.import_module("autional_cli" + ".main")  # expect: ARC03
