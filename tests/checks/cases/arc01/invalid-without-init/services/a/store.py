from services.b.store import find  # expect: ARC01

from ..b import store  # expect: ARC01
