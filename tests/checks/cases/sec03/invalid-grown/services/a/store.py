import re

from sqlalchemy import *


class Query:
    def __init__(self, name):
        self.name = name

    @property
    def sql(self):
        return f"SELECT * FROM users WHERE name = '{self.name}'"

    def run(self, session):
        session.execute(text(self.sql))  # expect: SEC03


def f(session, name, names):
    parts = ["SELECT * FROM users"]
    parts.append("WHERE name = " + name)
    session.execute(text(" ".join(parts)))  # expect: SEC03
    build = lambda n: f"SELECT {n}"  # noqa: E731
    session.execute(text(build(name)))  # expect: SEC03
    session.execute(text(re.sub("x", name, "SELECT x")))  # expect: SEC03
    sql = "SELECT * FROM users"
    if name:
        sql = sql + " WHERE name = " + name
    session.execute(text(sql))  # expect: SEC03
    for each in names:
        sql += f" OR name = {each}"
    queries = {"one": f"SELECT {name}", "two": "SELECT 2"}
    session.execute(text(queries["one"]))  # expect: SEC03
    first, second = "SELECT 1", f"SELECT {name}"
    session.execute(text(second))  # expect: SEC03
    session.execute(text(str.format("SELECT {}", name)))  # expect: SEC03
    session.execute(select("a").order_by(text(f"{name} DESC")))  # expect: SEC03
