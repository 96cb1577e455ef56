"""Every service against every stream with every command that could touch it: what is allowed is what SPECs declare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from autional_cli.resources.redis_acl import CONSUMER, WRITER
from autional_cli.workspace.discover import discover

from .running import build, running
from .test_redis import client, execute

if TYPE_CHECKING:
    from autional_cli.instance import Instance

SPECS = tuple(discover(Path(__file__).parents[2]).values())
EVENTS = sorted({event for spec in SPECS for event in spec.publishes})

STREAM = "{stream}"
# command as an ACL names it → one call of it
COMMANDS: dict[str, tuple[str, ...]] = {
    "xadd": ("XADD", STREAM, "*", "event", "{}"),
    "xtrim": ("XTRIM", STREAM, "MAXLEN", "0"),
    "xdel": ("XDEL", STREAM, "1-1"),
    "xsetid": ("XSETID", STREAM, "1-1"),
    "xlen": ("XLEN", STREAM),
    "xrange": ("XRANGE", STREAM, "-", "+"),
    "xrevrange": ("XREVRANGE", STREAM, "+", "-"),
    "xread": ("XREAD", "STREAMS", STREAM, "0"),
    "xreadgroup": ("XREADGROUP", "GROUP", "g", "c", "STREAMS", STREAM, ">"),
    "xack": ("XACK", STREAM, "g", "1-1"),
    "xclaim": ("XCLAIM", STREAM, "g", "c", "0", "1-1"),
    "xautoclaim": ("XAUTOCLAIM", STREAM, "g", "c", "0", "0"),
    "xpending": ("XPENDING", STREAM, "g"),
    "xgroup|create": ("XGROUP", "CREATE", STREAM, "g", "0", "MKSTREAM"),
    "xgroup|createconsumer": ("XGROUP", "CREATECONSUMER", STREAM, "g", "c"),
    "xgroup|delconsumer": ("XGROUP", "DELCONSUMER", STREAM, "g", "c"),
    "xgroup|destroy": ("XGROUP", "DESTROY", STREAM, "g"),
    "xgroup|setid": ("XGROUP", "SETID", STREAM, "g", "0"),
    "xinfo|stream": ("XINFO", "STREAM", STREAM),
    "xinfo|groups": ("XINFO", "GROUPS", STREAM),
    "xinfo|consumers": ("XINFO", "CONSUMERS", STREAM, "g"),
    "del": ("DEL", STREAM),
    "unlink": ("UNLINK", STREAM),
    "expire": ("EXPIRE", STREAM, "1"),
    "rename": ("RENAME", STREAM, STREAM),
    "copy": ("COPY", STREAM, STREAM),
    "set": ("SET", STREAM, "x"),
    "dump": ("DUMP", STREAM),
    "restore": ("RESTORE", STREAM, "0", "x"),
    "move": ("MOVE", STREAM, "1"),
    "eval": ("EVAL", "return 1", "1", STREAM),
}


async def test_who_may_do_what_to_a_stream_is_exactly_what_the_specs_declare(instance: Instance) -> None:
    bus = build(instance, SPECS)["redis"]
    expected = {(spec.name, event, command) for spec in SPECS for event in spec.publishes for command in WRITER}
    expected |= {(spec.name, event, command) for spec in SPECS for event in spec.consumes for command in CONSUMER}
    found: set[tuple[str, str, str]] = set()
    async with running(bus), client(bus.admin_url()) as operator:
        cases = [(spec.name, event, command) for spec in SPECS for event in EVENTS for command in COMMANDS]
        async with operator.pipeline(transaction=False) as asked:
            for service, event, command in cases:
                words = [word.replace(STREAM, f"bus:events:{event}") for word in COMMANDS[command]]
                asked.execute_command("ACL DRYRUN", service, *words)
            answers: list[Any] = await asked.execute(raise_on_error=False)
        for case, answer in zip(cases, answers, strict=True):
            if answer in ("OK", b"OK", True):
                found.add(case)
    assert found - expected == set()
    assert expected - found == set()
    assert {command for _, _, command in expected} <= set(COMMANDS)  # nothing is granted that is not walked


async def test_each_event_has_one_writer() -> None:
    published = [event for spec in SPECS for event in spec.publishes]
    assert len(published) == len(set(published)) > 10


async def test_a_consumer_cannot_write_from_inside_a_script_either(instance: Instance) -> None:
    bus = build(instance, SPECS)["redis"]
    profile = next(spec for spec in SPECS if spec.name == "profile")
    script = "return redis.call('XADD', 'bus:events:user.deleted', '*', 'event', '{}')"
    async with running(bus), client(bus.url_for(profile)) as redis:
        with pytest.raises(ResponseError, match=r"(?i)permission"):
            await execute(redis, "EVAL", script, "0")


@pytest.mark.parametrize(
    "command",
    [
        ("FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('f', function() return 1 end)"),
        ("FUNCTION", "FLUSH"),
        ("SCRIPT", "FLUSH"),
        ("SCRIPT", "KILL"),
        ("MONITOR",),
        ("CLIENT", "LIST"),
    ],
)
async def test_what_reaches_others_is_refused(instance: Instance, command: tuple[str, ...]) -> None:
    bus = build(instance, SPECS)["redis"]
    async with running(bus), client(bus.url_for(SPECS[0])) as redis:
        with pytest.raises(NoPermissionError):
            await execute(redis, *command)


async def test_in_the_cache_a_service_announces_its_own_changes_alone_and_hears_all(instance: Instance) -> None:
    cache = build(instance, SPECS)["cache"]
    by_name = {spec.name: spec for spec in SPECS}
    async with running(cache):
        async with client(cache.url_for(by_name["session"])) as session:
            await session.publish("invalidate:session:session", "[]")
        async with client(cache.url_for(by_name["gateway"])) as gateway:
            async with gateway.pubsub() as heard:
                await heard.subscribe("invalidate:session:session")
                assert await heard.get_message(timeout=5) is not None
            with pytest.raises(NoPermissionError):
                await gateway.publish("invalidate:session:session", "[]")
