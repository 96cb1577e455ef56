async def on_user(event: Event) -> None: ...  # expect: ARC05


async def on_gone(unit: UnitOfWork, event: Event) -> bool: ...  # expect: ARC05
