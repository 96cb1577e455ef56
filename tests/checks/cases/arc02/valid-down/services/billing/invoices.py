from services.billing.store import VALUE
