import sys

sys.modules["services.a.store"]  # expect: ARC03
__import__("services.a.service")
