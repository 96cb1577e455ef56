import functools
import operator
from string import Template

import sqlalchemy
import sqlalchemy as sa
from sqlalchemy import text as t
from sqlalchemy.sql import text

TABLE = "users"
say = t
made = functools.partial(sa.text)


class Store:
    sql = "SELECT * FROM " + TABLE

    def __init__(self, session: "AsyncSession") -> None:
        self._text = text
        self.session = session

    async def find(self, name):
        await self.session.execute(self._text(f"SELECT * FROM users WHERE name = '{name}'"))  # expect: SEC03
        await self.session.execute(t(self.sql + " WHERE name = " + name))  # expect: SEC03


async def f(session, connection, name, names, TABLE):
    q = f"SELECT * FROM users WHERE name = '{name}'"
    await session.execute(text(q))  # expect: SEC03
    r = q
    await session.execute(t(r))  # expect: SEC03
    await session.execute(sqlalchemy.text(q))  # expect: SEC03
    await session.execute(sa.text("SELECT {}".format(name)))  # expect: SEC03
    await session.execute(say("SELECT %s" % name))  # expect: SEC03
    await session.execute(made("SELECT %(n)s" % {"n": name}))  # expect: SEC03
    await session.execute(getattr(sa, "text")(q))  # expect: SEC03
    await connection.exec_driver_sql(" ".join(["SELECT *", "FROM", name]))  # expect: SEC03
    await connection.execute("SELECT * FROM x WHERE a IN (" + ", ".join(f"'{n}'" for n in names) + ")")  # expect: SEC03
    await connection.execute(statement="SELECT * FROM TABLE_NAME".replace("TABLE_NAME", name))  # expect: SEC03
    await connection.fetch(Template("SELECT * FROM $t").substitute(t=name))  # expect: SEC03
    await connection.fetchval(operator.mod("SELECT %s", name))  # expect: SEC03
    await session.execute(text(f"SELECT * FROM {TABLE}"))  # expect: SEC03
    await session.execute(text(query := f"SELECT {name}"))  # expect: SEC03
    sa.DDL("DROP TABLE " + name)  # expect: SEC03
    session.query(sa.literal_column(f"{name} || 'x'"))  # expect: SEC03
    p = "SELECT * FROM users"
    p += f" WHERE name = '{name}'"
    await session.execute(text(p))  # expect: SEC03
    for each in (f"DELETE FROM a WHERE n = {name}", "DELETE FROM b"):
        await session.execute(text(each))  # expect: SEC03
    if names:
        s = "SELECT 1"
    else:
        s = f"SELECT {name}"
    await session.scalar(text(s))  # expect: SEC03
    run = connection.execute
    await run(f"/* found */ (SELECT {name})")  # expect: SEC03
    await connection.execute(f"""  --  expect: SEC03
        -- of one
        with one as (select {name}) select * from one""")


def upgrade(name):
    from alembic import op

    op.execute(f"ALTER TABLE users ADD {name} text")  # expect: SEC03
