from importlib import import_module

import_module("sqlalchemy.orm")  # expect: ARC02
