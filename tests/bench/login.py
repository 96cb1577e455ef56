"""Logins at a fixed rate through the gateway, on a platform that does everything else as well."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp
import psutil

from tests.bench.report import Result, quantile
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform

_RATE = 20
_SECONDS = 30
_USERS = 20
_TAIL_S = 1.0  # events and mails of the last logins
_WORTH_NAMING_MS = 0.5


def measure() -> Result:
    """Sign in 20 times a second for 30 s; latency is counted from when a request was due (no coordinated omission)."""
    result = Result(name=f"login at {_RATE}/s for {_SECONDS} s")
    platform = Platform(instance="bench-login")
    try:
        status = platform.up()
        latencies, statuses, used = asyncio.run(load(platform, status["gateway"]))
        spans = hashing_ms(platform)
    finally:
        platform.down()
    result.add("logins", len(latencies), "")
    result.add("failed", sum(status != 200 for status in statuses), "", at_most=0)
    result.add("P50", quantile(latencies, 0.5) * 1000, "ms")
    result.add("P99", quantile(latencies, 0.99) * 1000, "ms", at_most=50)
    result.add("hashing, median", quantile(spans["hash"], 0.5), "ms")
    result.add("share of hashing in the median login", quantile(spans["hash"], 0.5) / quantile(spans["login"], 0.5), "")
    others = [login - hashed for login, hashed in zip(spans["login"], spans["hash"], strict=True)]
    result.add("everything but hashing, median", quantile(others, 0.5), "ms", at_most=15)
    for name, seconds in sorted(used.items(), key=lambda item: -item[1]):
        if seconds * 1000 / len(latencies) >= _WORTH_NAMING_MS:
            result.add(f"CPU for a login: {name}", seconds * 1000 / len(latencies), "ms")
    result.add("CPU for a login: all processes", sum(used.values()) * 1000 / len(latencies), "ms")
    return result


def cpu_seconds(supervisor: int) -> dict[str, float]:
    """Return the CPU that each process of the platform has used, and this one, which makes the load."""
    used: dict[str, float] = {"load generator": sum(psutil.Process().cpu_times()[:2])}
    found = psutil.Process(supervisor)
    for process in [found, *found.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            name = _name(process)
            used[name] = used.get(name, 0.0) + sum(process.cpu_times()[:2])
    return used


def _name(process: psutil.Process) -> str:
    name, command = process.name(), " ".join(process.cmdline())
    if name.startswith("valkey"):
        return "redis and cache"
    if name.startswith("postgres") or command.startswith("postgres"):
        return "postgres"
    for part in ("secantusd", "zygote", "guardian", "supervisor"):
        if part in command and name.startswith("python"):
            return part
    return name


async def load(platform: Platform, gateway: str) -> tuple[list[float], list[int], dict[str, float]]:
    """Return the latency in seconds and the status of every login, and the CPU seconds of each process meanwhile."""
    supervisor = int(platform.status()["pids"]["supervisor"])
    async with aiohttp.ClientSession() as http:
        users = [traveller(platform, gateway, http) for _ in range(_USERS)]
        for user in users:
            await join(user)
            user.access_token = ""
        started = time.perf_counter() + 0.5

        async def one(number: int) -> tuple[float, int]:
            due = started + number / _RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            user = users[number % _USERS]
            body = {"email": user.email, "password": user.password}
            code, _ = await user.send("POST", "/api/v1/identity/login", body)
            return time.perf_counter() - due, code

        before = cpu_seconds(supervisor)
        answers = await asyncio.gather(*(one(number) for number in range(_RATE * _SECONDS)))
        await asyncio.sleep(_TAIL_S)
        used = {name: seconds - before.get(name, 0.0) for name, seconds in cpu_seconds(supervisor).items()}
    return [latency for latency, _ in answers], [code for _, code in answers], used


def hashing_ms(platform: Platform) -> dict[str, list[float]]:
    """Return duration of login and hash of traces taken from the store, in milliseconds."""
    found: dict[str, list[float]] = {"login": [], "hash": []}
    listed = platform.json("trace", "--slowest", "1000", "--service", "identity", "--since", "2m")
    for summary in listed[:: max(1, len(listed) // 40)]:
        trace = platform.json("trace", summary["trace_id"])
        root = trace["spans"][0]
        hashed = [span["duration_us"] for span in trace["spans"] if span["name"] == "argon2id verify"]
        if root["name"] == "POST /api/v1/identity/login" and hashed:
            found["login"].append(root["duration_us"] / 1000)
            found["hash"].append(hashed[0] / 1000)
    return found
