from services.billing import store  # expect: ARC03
