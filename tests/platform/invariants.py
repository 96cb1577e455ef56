"""What is true of a platform at rest, whatever was done to it before: read from outside."""

from __future__ import annotations

import contextlib
import time
from typing import Any
from urllib.parse import urlsplit

import psutil

from autional_cli.instance import Instance
from autional_cli.supervisor.topology import all_resources
from services.chassis.events import dead_stream
from services.chassis.redis import connect
from services.chassis.registry import Replica, key

GRPC_OFFSET = 1000
BLOCK = 100


def pids_told(status: dict[str, Any]) -> dict[str, int | None]:
    """Return the process of each unit and helper that the supervisor tells of; a task that has ended has none."""
    units = [replica for service in status["services"] for replica in service["replicas"]]
    units += [*status["resources"], *(other for other in status["others"] if other["kind"] != "task")]
    return {**{unit["name"]: unit["pid"] for unit in units}, **status["pids"]}


def broken_status(status: dict[str, Any]) -> list[str]:
    """Return what is not ready, not declared, or contradicts itself in the state of a platform with one of each."""
    found = [] if status["state"] == "ready" else [f"the platform is {status['state']}"]
    for service in status["services"]:
        names = [replica["name"] for replica in service["replicas"]]
        if names != [service["name"]]:
            found.append(f"replicas of {service['name']}: {names}")
    replicas = [replica for service in status["services"] for replica in service["replicas"]]
    units = (*status["services"], *replicas, *status["resources"], *status["others"])
    found += [f"{unit['name']} is {unit['state']}" for unit in units if unit["state"] != "ready"]
    pids = pids_told(status)
    found += [f"{name} has no process" for name, pid in pids.items() if pid is None or not psutil.pid_exists(pid)]
    if len(set(pids.values())) != len(pids):
        found.append(f"a process is told of twice: {pids}")
    return found


def strangers(instance: Instance, status: dict[str, Any]) -> list[str]:
    """Return the processes that hold a file of the instance and that the supervisor does not tell of."""
    expected = {pid for pid in pids_told(status).values() if pid}
    for unit in (*status["resources"], *status["others"]):  # a database server has processes of its own
        with contextlib.suppress(psutil.Error, TypeError):
            expected |= {child.pid for child in psutil.Process(unit["pid"]).children(recursive=True)}
    places = (str(instance.home), str(instance.run_dir))
    others = (process for process in psutil.process_iter() if process.pid not in expected)
    return [f"stray process {told}" for process in others if (told := _belongs(process, places))]


def _belongs(process: psutil.Process, places: tuple[str, ...]) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        if process.status() != psutil.STATUS_ZOMBIE:
            held = [process.cwd(), *process.cmdline(), *(file.path for file in process.open_files())]
            mine = [name for name in held if name.startswith(places)]
            return f"{process.pid} {process.name()}: {mine[0]}" if mine else ""
    return ""


def broken_ports(instance: Instance, status: dict[str, Any], listed: dict[str, list[Replica]]) -> list[str]:
    """Return the ports of the instance's block on which somebody listens unasked, or nobody does."""
    base = instance.block.base
    block = {*range(base, base + BLOCK), *range(base + GRPC_OFFSET, base + GRPC_OFFSET + BLOCK)}
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    open_now = {c.laddr.port for c in listening if c.laddr}
    urls = [replica["url"] for service in status["services"] for replica in service["replicas"]]
    urls += [unit["url"] for unit in (*status["resources"], *status["others"]) if unit["url"]]
    wanted = {urlsplit(url).port or 0 for url in urls}
    grpc = {int(replica.grpc.rpartition(":")[2]) for replicas in listed.values() for replica in replicas}
    found = [f"nobody listens on {port}" for port in sorted(wanted - open_now)]
    return found + [f"somebody listens on {port}" for port in sorted((open_now & block) - wanted - grpc)]


class Bus:
    """The bus of a running instance as its operator sees it."""

    def __init__(self, instance: Instance) -> None:
        redis = next(resource for resource in all_resources(instance) if resource.name == "redis")
        self._redis: Any = connect(redis.admin_url(), name="invariants")

    async def listed(self) -> dict[str, list[Replica]]:
        """Return the replicas whose lease has not run out, by service."""
        found = {}
        for raw in await self._redis.keys("registry:*"):
            name = raw.decode().removeprefix("registry:")
            members = await self._redis.zrangebyscore(key(name), int(time.time() * 1000), "+inf")
            found[name] = [Replica.decode(member) for member in members]
        return found

    async def unread(self) -> list[str]:
        """Return the consumer groups that have not read or not acknowledged everything."""
        found = []
        async for raw in self._redis.scan_iter("*", _type="stream"):
            for group in await self._redis.xinfo_groups(raw):
                if group["pending"] or group["lag"]:
                    name = group["name"].decode()
                    found.append(f"{name} has {group['pending']} pending, {group['lag']} unread of {raw.decode()}")
        return found

    async def dead_letters(self) -> list[str]:
        """Return the dead letter streams that hold something."""
        streams = [raw async for raw in self._redis.scan_iter(dead_stream("*"), _type="stream")]
        return [f"dead letters in {raw.decode()}" for raw in streams if await self._redis.xlen(raw)]

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()


def broken_registry(status: dict[str, Any], listed: dict[str, list[Replica]]) -> list[str]:
    """Return the services of which others are listed than those that live."""
    found = []
    for service in status["services"]:
        live = sorted((replica["pid"], replica["url"]) for replica in service["replicas"])
        told = sorted((replica.pid, replica.http) for replica in listed.get(service["name"], []))
        if live != told:
            found.append(f"{service['name']}: the registry lists {told}, live is {live}")
    return found
