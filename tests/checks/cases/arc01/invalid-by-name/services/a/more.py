import builtins
import importlib
import os.path
from importlib import import_module
from importlib.util import spec_from_file_location
from pathlib import Path

list(map(import_module, ["services.b.store"]))  # expect: ARC01
pool.submit(importlib.import_module, "services.b.store")  # expect: ARC01
__builtins__["__import__"]("services.b.store")  # expect: ARC01
builtins.__import__("services.b.store")  # expect: ARC01
globals()["import_module"]("services.b.store")  # expect: ARC01
spec_from_file_location("x", Path("services") / "b" / "store.py")  # expect: ARC01
spec_from_file_location("x", str(Path(__file__).parent.parent / "b" / "store.py"))  # expect: ARC01
spec_from_file_location("x", os.path.join(os.path.dirname(__file__), "..", "b", "store.py"))  # expect: ARC01
import_module(*["services.b.store"])  # expect: ARC01
import_module(**{"name": "services.b.store"})  # expect: ARC01
for name in ("services.b.store", "json"):
    import_module(name)  # expect: ARC01
