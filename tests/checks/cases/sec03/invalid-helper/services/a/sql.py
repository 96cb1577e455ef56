from sqlalchemy import text
from sqlalchemy import text as phrase

spoken = text


def build(name):
    return f"SELECT * FROM users WHERE name = '{name}'"


async def run(session, sql):
    return await session.execute(text(sql))


class Runner:
    def __init__(self, session):
        self.session = session

    async def go(self, statement, /):
        return await self.session.execute(text(statement))
