from sqlalchemy import text

from services.a import sql as queries
from services.a.sql import Runner, build, phrase, run, spoken


def later(session, name):
    session.execute(text(here(name)))  # expect: SEC03


def here(name):
    return "SELECT * FROM users WHERE name = '" + name + "'"


async def f(session, name, runner: Runner):
    await session.execute(text(build(name)))  # expect: SEC03
    q = queries.build(name)
    await session.execute(text(q))  # expect: SEC03
    await run(session, f"SELECT {name}")  # expect: SEC03
    await run(session, sql=f"SELECT {name}")  # expect: SEC03
    await runner.go(f"SELECT {name}")  # expect: SEC03
    await Runner(session).go("SELECT " + name)  # expect: SEC03
    await session.execute(phrase(f"SELECT {name}"))  # expect: SEC03
    await session.execute(spoken(f"SELECT {name}"))  # expect: SEC03
    await run(session, "SELECT 1")
