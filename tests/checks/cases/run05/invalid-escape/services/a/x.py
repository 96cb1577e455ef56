class A:
    async def f(self, db):
        async with db.transaction() as unit:
            self.session = unit.session  # expect: RUN05
            asyncio.create_task(later(unit))  # expect: RUN05
            return unit.session  # expect: RUN05

    async def g(self, db):
        async with db.reading() as session:
            await one(session)
        await two(session)  # expect: RUN05
