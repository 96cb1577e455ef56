async def f(db):
    async with db.transaction() as unit:
        user = await find(unit.session)
        return user
