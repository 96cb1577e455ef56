"""What object storage must do whichever driver runs it."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from services.chassis.objects import open_store

from .running import IDENTITY, SESSION, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from obstore.store import LocalStore, S3Store

    from autional_cli.drivers.base import Resource

    from .running import Either

PART = 5 << 20  # the smallest part that S3 takes
LARGE = 23 << 20
OTHER = replace(SESSION, resources=("objects",))


@asynccontextmanager
async def serving(objects: Resource) -> AsyncIterator[LocalStore | S3Store]:
    """Bring it up, as a server or as a directory, and yield the store of a service."""
    if objects.process():
        async with running(objects):
            yield open_store(objects.url_for(IDENTITY))
    else:
        objects.inspect()
        await objects.prepare()
        await objects.provision()
        yield open_store(objects.url_for(IDENTITY))


def block(number: int) -> bytes:
    """Return a megabyte that no other block equals."""
    return hashlib.sha256(str(number).encode()).digest() * (1 << 15)


async def content() -> AsyncIterator[bytes]:
    """Yield a large object in blocks."""
    for number in range(LARGE >> 20):
        yield block(number)


async def test_a_large_object_is_streamed_in_and_out_unchanged(either: Either) -> None:
    async with serving(either.build()["objects"]) as store:
        await obstore.put_async(store, "identity/large", content(), chunk_size=PART, max_concurrency=2)
        found = await obstore.get_async(store, "identity/large")
        assert found.meta["size"] == LARGE
        digest = hashlib.sha256()
        async for chunk in found.stream(min_chunk_size=1 << 20):
            digest.update(bytes(chunk))
        wanted = hashlib.sha256(b"".join(block(number) for number in range(LARGE >> 20)))
        assert digest.hexdigest() == wanted.hexdigest()


async def test_ranges_of_an_object_are_read_without_the_rest(either: Either) -> None:
    async with serving(either.build()["objects"]) as store:
        await obstore.put_async(store, "identity/text", b"0123456789")
        assert bytes(await obstore.get_range_async(store, "identity/text", start=2, end=5)) == b"234"
        ranges = await obstore.get_ranges_async(store, "identity/text", starts=[0, 8], ends=[1, 10])
        assert [bytes(each) for each in ranges] == [b"0", b"89"]
        tail = await obstore.get_async(store, "identity/text", options={"range": {"suffix": 3}})
        assert bytes(await tail.bytes_async()) == b"789"


async def test_the_etag_changes_with_the_content_and_guards_a_read(either: Either) -> None:
    async with serving(either.build()["objects"]) as store:
        first = await obstore.put_async(store, "identity/a", b"one")
        second = await obstore.put_async(store, "identity/a", b"other")
        assert first["e_tag"]
        assert first["e_tag"] != second["e_tag"]
        assert (await obstore.head_async(store, "identity/a"))["e_tag"] == second["e_tag"]
        found = await obstore.get_async(store, "identity/a", options={"if_match": second["e_tag"]})
        assert bytes(await found.bytes_async()) == b"other"


async def test_a_listing_of_many_objects_comes_in_pages_and_by_prefix(either: Either) -> None:
    async with serving(either.build()["objects"]) as store:
        names = [f"identity/many/{number:03}" for number in range(25)]
        for name in [*names, "identity/other"]:
            await obstore.put_async(store, name, b"x")
        pages = [page async for page in obstore.list(store, "identity/many", chunk_size=10)]
        assert [len(page) for page in pages] == [10, 10, 5]
        assert sorted(entry["path"] for page in pages for entry in page) == names
        shallow = await obstore.list_with_delimiter_async(store, "identity")
        assert list(shallow["common_prefixes"]) == ["identity/many"]
        assert [entry["path"] for entry in shallow["objects"]] == ["identity/other"]


async def test_what_was_deleted_or_never_there_is_not_found(either: Either) -> None:
    async with serving(either.build()["objects"]) as store:
        await obstore.put_async(store, "identity/a", b"x")
        await obstore.delete_async(store, "identity/a")
        for name in ("identity/a", "identity/never"):
            with pytest.raises(FileNotFoundError):
                await obstore.get_async(store, name)


async def test_objects_survive_a_restart_and_go_with_the_volume(either: Either) -> None:
    objects = either.build()["objects"]
    async with serving(objects) as store:
        await obstore.put_async(store, "identity/kept", b"x")
    async with serving(objects) as store:
        assert bytes(await (await obstore.get_async(store, "identity/kept")).bytes_async()) == b"x"
    await objects.remove()
    async with serving(objects) as store:
        with pytest.raises(FileNotFoundError):
            await obstore.get_async(store, "identity/kept")


async def test_nobody_gets_in_without_the_key(either: Either) -> None:
    if either.driver == "embedded":
        pytest.skip("a directory has no key: its owner alone may read it")
    objects = either.build()["objects"]
    async with serving(objects):
        url = objects.url_for(IDENTITY)
        guessed = open_store(url.replace(url.split(":")[2].split("@")[0], "guess"))
        with pytest.raises((PermissionDeniedError, UnauthenticatedError)):
            await obstore.put_async(guessed, "identity/a", b"x")


async def test_a_service_cannot_read_or_write_what_is_another_ones(either: Either) -> None:
    if either.driver == "embedded":
        pytest.skip("directories of one user, which nothing keeps apart")
    objects = either.build([IDENTITY, OTHER])["objects"]
    async with serving(objects) as store:
        await obstore.put_async(store, "identity/a", b"x")
        own = open_store(objects.url_for(OTHER))
        await obstore.put_async(own, "mine", b"x")
        bucket = objects.url_for(IDENTITY).partition("@")[2]
        foreign = open_store(f"{objects.url_for(OTHER).partition('@')[0]}@{bucket}")
        for attempt in (
            obstore.get_async(foreign, "identity/a"),
            obstore.put_async(foreign, "identity/b", b"x"),
            obstore.delete_async(foreign, "identity/a"),
        ):
            with pytest.raises(BaseError, match=r"(?i)denied|forbidden|not found"):
                await attempt
        assert bytes(await (await obstore.get_async(store, "identity/a")).bytes_async()) == b"x"
