from services.billing.store import VALUE  # expect: ARC03
