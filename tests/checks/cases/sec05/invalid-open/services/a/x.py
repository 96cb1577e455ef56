HOST = "0.0.0.0"  # expect: SEC05


def f(host: str = "::") -> None: ...  # expect: SEC05
