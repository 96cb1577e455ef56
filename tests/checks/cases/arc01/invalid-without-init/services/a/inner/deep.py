from services.b import store  # expect: ARC01
