from services.chassis.wallet import VALUE

NAME = "services.wallet.store"
