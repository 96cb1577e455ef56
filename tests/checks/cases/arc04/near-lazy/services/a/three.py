
THREE = 3


def f() -> int:
    from services.a.one import ONE

    return ONE
