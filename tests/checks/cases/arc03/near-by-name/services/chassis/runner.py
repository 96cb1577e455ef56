import importlib
import os

importlib.import_module(f"services.{os.environ['NAME']}.service")
importlib.import_module("services.chassis.db")
