import importlib

TARGET = "services.b.store"


def load(name):
    return importlib.import_module(name)
