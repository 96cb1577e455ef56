def one() -> int:
    return 1


TWO = one() + 1
