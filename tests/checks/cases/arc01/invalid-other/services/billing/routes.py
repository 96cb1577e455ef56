from services.wallet.store import VALUE  # expect: ARC01
