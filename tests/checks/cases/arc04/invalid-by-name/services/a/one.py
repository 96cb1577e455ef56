import importlib

two = importlib.import_module("services.a.two")  # expect: ARC04
