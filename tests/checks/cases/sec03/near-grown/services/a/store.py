from sqlalchemy import text


def f(session, name, names):
    sql = "SELECT * FROM users"
    if name:
        sql = sql + " WHERE name = :name"
    while names:
        sql = sql + " OR a = 1"
    session.execute(text(sql), {"name": name})
    parts = ["SELECT * FROM users"]
    parts.append("WHERE name = :name")
    session.execute(text(" ".join(parts)))
    other = "SELECT 1"
    other += " FROM users"
    session.execute(text(other))
    queries = {"one": "SELECT 1", "two": f"not SQL: {name}"}
    session.execute(text(queries["one"]))
    first, second = "SELECT 1", f"SELECT {name}"
    session.execute(text(first))
    names.append(f"SELECT {name}")
