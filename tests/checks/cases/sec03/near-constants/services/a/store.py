TABLE = "users"


def f(session, name):
    session.execute(f"SELECT * FROM {TABLE}")
    print(f"select {name}")
    raise ValueError(f"cannot drop {name}")
