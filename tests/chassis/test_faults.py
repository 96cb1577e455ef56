"""Faults: inert until a rule comes, bounded in time by themselves, and never there without the setting."""

from __future__ import annotations

import asyncio
import socket
import stat
import time
from pathlib import Path

import pytest

from services.chassis.errors import INTERNAL, ServiceError
from services.chassis.faults import FaultChannel, Faults, Rule


def tell(path: Path, datagram: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(datagram, str(path))


async def active(faults: Faults, wanted: bool) -> None:
    async with asyncio.timeout(5):
        while faults.active is not wanted:  # noqa: ASYNC110 - a rule that ends by the clock sends no event
            await asyncio.sleep(0.005)


async def test_without_a_rule_nothing_happens() -> None:
    faults = Faults()
    assert not faults.active
    await faults.suffer()
    await faults.reach("mfa")


async def test_a_rule_is_over_when_its_time_is() -> None:
    faults = Faults()
    faults.set(Rule(for_s=0.05, error_rate=1))
    with pytest.raises(ServiceError) as failed:
        await faults.suffer()
    assert failed.value.code is INTERNAL
    await active(faults, False)
    await faults.suffer()


async def test_latency_is_added_to_each_request() -> None:
    faults = Faults()
    faults.set(Rule(for_s=5, latency_s=0.05))
    began = time.monotonic()
    await faults.suffer()
    assert time.monotonic() - began >= 0.05


async def test_a_cut_holds_calls_to_one_target_until_it_is_mended() -> None:
    faults = Faults()
    faults.set(Rule(for_s=60, cut=frozenset({"mfa"})))
    await faults.reach("session")
    waiting = asyncio.create_task(faults.reach("mfa"))
    await asyncio.sleep(0)
    assert not waiting.done()
    faults.set(Rule(for_s=0))
    await asyncio.wait_for(waiting, 5)


async def test_a_cut_that_nobody_mends_ends_by_itself() -> None:
    faults = Faults()
    faults.set(Rule(for_s=0.05, cut=frozenset({"mfa"})))
    await asyncio.wait_for(faults.reach("mfa"), 5)


async def test_the_channel_is_its_owners_takes_rules_and_leaves_nothing_behind(tmp_path: Path) -> None:
    faults, path = Faults(), tmp_path / "fault.sock"
    channel = FaultChannel(path, faults)
    await channel.open()
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    tell(path, Rule(for_s=60, error_rate=1).encode())
    await active(faults, True)
    tell(path, Rule(for_s=0).encode())
    await active(faults, False)
    channel.close()
    assert not path.exists()


async def test_a_predecessor_leaves_alone_what_its_successor_bound(tmp_path: Path) -> None:
    faults, path = Faults(), tmp_path / "fault.sock"
    old, new = FaultChannel(path, Faults()), FaultChannel(path, faults)
    await old.open()
    await new.open()
    old.close()
    tell(path, Rule(for_s=60, error_rate=1).encode())
    await active(faults, True)
    new.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"for_s": 1e9}',
        b'{"for_s": 1, "error_rate": 2}',
        b'{"for_s": -1}',
        b'{"for_s": "x"}',
    ],
)
async def test_what_is_no_rule_is_refused_and_the_next_one_still_taken(tmp_path: Path, datagram: bytes) -> None:
    faults, path = Faults(), tmp_path / "fault.sock"
    channel = FaultChannel(path, faults)
    await channel.open()
    tell(path, datagram)
    tell(path, Rule(for_s=60).encode())
    await active(faults, True)
    channel.close()
