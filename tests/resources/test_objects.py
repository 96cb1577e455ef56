"""Object storage on the local disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import obstore
from obstore.store import LocalStore

from .running import IDENTITY

if TYPE_CHECKING:
    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance


async def test_what_a_service_stores_is_there_after_a_restart(empty: dict[str, Resource], instance: Instance) -> None:
    objects = empty["objects"]
    for _ in range(2):
        objects.inspect()
        await objects.prepare()
        await objects.wait_ready(1)
        await objects.provision()
        store = LocalStore.from_url(objects.url_for(IDENTITY))
        await obstore.put_async(store, "identity/avatar.png", b"png")
        result = await obstore.get_async(store, "identity/avatar.png")
        assert bytes(await result.bytes_async()) == b"png"
    assert objects.process() is None
    assert (instance.data_dir / "objects").stat().st_mode & 0o777 == 0o700


async def test_remove_deletes_the_objects(empty: dict[str, Resource], instance: Instance) -> None:
    await empty["objects"].prepare()
    await empty["objects"].remove()
    await empty["objects"].remove()
    assert not list(instance.data_dir.iterdir())
