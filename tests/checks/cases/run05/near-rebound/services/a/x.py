async def f(db):
    async with db.transaction() as unit:
        await add(unit.session)
    async with db.transaction() as unit:
        await add(unit.session)
        return await unit.session.get(1)
