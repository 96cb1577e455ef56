def later() -> int:
    from services.wallet import store  # expect: ARC01

    return store.VALUE
