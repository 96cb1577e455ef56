NAME = "services.billing.store"
