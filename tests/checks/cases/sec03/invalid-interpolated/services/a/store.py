from sqlalchemy import text


async def f(session, name):
    await session.execute(text(f"SELECT * FROM users WHERE name = '{name}'"))  # expect: SEC03
    await session.execute(text("DELETE FROM users WHERE id = %s" % name))  # expect: SEC03
    await session.execute("UPDATE users SET name = '" + name + "'")  # expect: SEC03
    await session.fetch("SELECT {}".format(name))  # expect: SEC03
