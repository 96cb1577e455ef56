"""What breaks stays small: crashes of services, of the database, of the supervisor; interruptions; collisions."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from autional_cli.instance import BASES, Instance
from services.chassis.journey import Traveller
from services.identity import journey as identity
from tests.guard import keep_promise
from tests.platform.conftest import join, traveller
from tests.platform.running import AUTIONAL, ROOT, Platform

SERVICES = ("gateway", "identity", "session", "mfa", "profile", "audit", "notification")
UNSOUGHT = BASES[40]  # a block of ports away from both ends, where other tests begin


def pids_of(platform: Platform) -> set[int]:
    """Return every process of an instance, the supervisor's helpers included."""
    status = platform.status()
    supervisor = status["pids"]["supervisor"]
    children = psutil.Process(supervisor).children(recursive=True)
    units = [r["pid"] for s in status["services"] for r in s["replicas"]]
    units += [unit["pid"] for unit in (*status["resources"], *status["others"]) if unit["pid"]]
    return {supervisor, *units, *(child.pid for child in children)}


def alive(pids: set[int]) -> set[int]:
    """Return those that still run."""
    return {pid for pid in pids if runs(pid)}


def runs(pid: int) -> bool:
    """Return whether a process runs; one that ends while it is looked at does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(done: Callable[[], Any], what: str, timeout_s: float) -> Any:
    """Look until `done` is true; there is no event to wait for when a process outside is watched from outside."""
    deadline = time.monotonic() + timeout_s
    while not (result := done()):
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.02)
    return result


def listens(port: int) -> bool:
    """Return whether somebody accepts connections on a port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_killed_service_is_back_soon_while_the_others_answer_and_why_explains(
    own_platform: Platform, http: aiohttp.ClientSession
) -> None:
    status = own_platform.up()
    ports = {service["name"]: service["url"] for service in status["services"]}
    for name in SERVICES:
        pid = own_platform.kill(name)
        deadline = time.monotonic() + 5
        back = False
        while not back:
            assert time.monotonic() < deadline, f"{name} was not back within 5 s"
            for other in set(SERVICES) - {name}:
                async with http.get(ports[other] + "/healthz") as response:
                    assert response.status == 200, f"{other} did not answer while {name} was away"
            try:
                async with http.get(ports[name] + "/readyz") as response:
                    back = response.status == 200
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
        assert own_platform.run("wait", name, "--timeout", "5").returncode == 0
        assert own_platform.pid(name) != pid
        told = own_platform.run("why", name)
        assert "SIGKILL" in told.stdout + told.stderr, told.stdout
    assert own_platform.json("smoke")["ok"]


async def test_after_kill_of_the_supervisor_nothing_survives_and_no_data_is_lost(
    own_platform: Platform, http: aiohttp.ClientSession
) -> None:
    status = own_platform.up()
    user = traveller(own_platform, status["gateway"], http)
    await join(user)
    everyone = pids_of(own_platform)
    ports = [int(service["url"].rpartition(":")[2]) for service in status["services"]]
    os.kill(own_platform.status()["pids"]["supervisor"], signal.SIGKILL)
    until(lambda: not alive(everyone), "the end of every process", 10)
    assert not [port for port in ports if listens(port)]
    again = own_platform.up()
    async with aiohttp.ClientSession() as anew:  # the old one holds connections to the dead gateway
        user.gateway, user.session, user.access_token = again["gateway"], anew, ""
        await identity.login(user)


async def test_postgres_killed_under_load_comes_back_and_nothing_committed_is_lost(
    own_platform: Platform, http: aiohttp.ClientSession
) -> None:
    status = own_platform.up()
    registered: list[Traveller] = []
    refused: list[int] = []
    stop, enough = asyncio.Event(), asyncio.Event()
    wanted = 10

    async def register_for_ever() -> None:
        while not stop.is_set():
            user = traveller(own_platform, status["gateway"], http)
            body = {"email": user.email, "password": user.password}
            code, _ = await user.send("POST", "/api/v1/identity/register", body)
            if code == 201:
                registered.append(user)
            else:
                refused.append(code)
            if len(registered) >= wanted:
                enough.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as load:
        for _ in range(4):
            load.create_task(register_for_ever())
        await enough.wait()
        await asyncio.to_thread(own_platform.kill, "postgres")
        wanted = len(registered) + 10
        enough.clear()
        await enough.wait()
        stop.set()
    assert set(refused) <= {503, 504}, "a crash of the database is 'unavailable', never an internal error"
    users = select(own_platform, "identity", "SELECT email FROM users")
    assert {user.email for user in registered} <= users, "a registration that was answered with 201 is lost"
    until(lambda: not select(own_platform, "identity", "SELECT event_id FROM outbox"), "the outbox running empty", 20)
    ids = select(own_platform, "identity", "SELECT id FROM users")
    until(lambda: select(own_platform, "profile", "SELECT user_id FROM profiles") == ids, "a profile for each user", 20)


def select(platform: Platform, service: str, query: str) -> set[str]:
    """Return the single column of a query."""
    return set(platform.run("db", "shell", service, "-c", f"COPY ({query}) TO STDOUT").stdout.split())


def test_two_ups_at_once_one_starts_and_the_other_attaches(own_platform: Platform) -> None:
    first, second = (own_platform.start("up", "--stack", "login", "--format", "json") for _ in range(2))
    results = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    replicas = [[service["replicas"][0]["pid"] for service in result["services"]] for result in results]
    assert replicas[0] == replicas[1]
    assert [result["state"] for result in results] == ["ready", "ready"]


def test_ctrl_c_during_up_stops_cleanly_with_130(own_platform: Platform) -> None:
    process = own_platform.start("up", start_new_session=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "starting" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=40)
    assert process.returncode == 130
    assert own_platform.status()["state"] == "stopped"
    assert not [p for p in psutil.process_iter() if own_platform.instance in " ".join(safe_cmdline(p))]


def safe_cmdline(process: psutil.Process) -> list[str]:
    """Return a command line, or nothing for a process that is not ours to see or has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_closing_the_terminal_leaves_the_platform_running(own_platform: Platform) -> None:
    terminal, line = pty.openpty()
    shell = subprocess.Popen(
        [AUTIONAL, "up", "--stack", "login"],
        cwd=ROOT,
        env=own_platform.environment(),
        stdin=line,
        stdout=line,
        stderr=line,
        start_new_session=True,
    )
    os.close(line)
    seen = b""
    while b"starting" not in seen:
        seen += os.read(terminal, 4096)
    os.close(terminal)  # the window is closed: the kernel sends SIGHUP to the session
    shell.send_signal(signal.SIGHUP)
    shell.wait(30)
    assert own_platform.run("wait", "--timeout", "30").returncode == 0
    assert own_platform.status()["state"] == "ready"


def test_a_taken_port_is_an_error_that_names_the_process(own_platform: Platform) -> None:
    # Ports that nobody else comes to: another platform that starts now would choose a block that is free for a moment.
    instance = Instance.open(own_platform.root, own_platform.instance)
    instance.create()
    instance.remember(block=UNSOUGHT)
    status = own_platform.up("identity")
    own_platform.run("down")
    port = int(next(s["url"] for s in status["services"] if s["name"] == "identity").rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        refused = own_platform.run("up", "identity")
        assert refused.returncode == 4
        assert str(port) in refused.stderr
        assert str(os.getpid()) in refused.stderr
        assert own_platform.status()["state"] == "stopped"


def test_a_foreign_data_directory_is_named_and_left_alone(own_platform: Platform) -> None:
    foreign = own_platform.home / "data" / "postgres"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("irreplaceable")
    try:
        refused = own_platform.run("up", "identity")
        assert refused.returncode == 4
        assert str(foreign) in refused.stderr
        assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
        assert own_platform.status()["state"] == "stopped"
    finally:
        (foreign / "thesis.txt").unlink()
        foreign.rmdir()


def test_up_of_one_service_starts_what_it_needs_and_nothing_else(own_platform: Platform) -> None:
    status = own_platform.up("identity")
    assert {service["name"] for service in status["services"]} == {"identity", "session", "mfa"}
    assert "mongo" not in {resource["name"] for resource in status["resources"]}
    more = own_platform.up("audit")
    assert {service["name"] for service in more["services"]} == {"identity", "session", "mfa", "audit"}


def test_data_survives_down_and_is_removed_with_volumes(own_platform: Platform) -> None:
    own_platform.up("profile")
    own_platform.run("db", "shell", "profile", "--write", "-c", "CREATE TABLE kept (x int)")
    assert own_platform.run("down").returncode == 0
    own_platform.up("profile")
    assert "0 rows" in own_platform.run("db", "shell", "profile", "-c", "SELECT * FROM kept").stdout
    own_platform.down()
    assert not own_platform.home.exists() or not any((own_platform.home / "data").glob("*"))


def test_a_worktree_that_is_removed_while_it_runs_is_stopped_and_stays_away(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    subprocess.run(["git", "worktree", "add", "--detach", tree], cwd=ROOT, check=True, capture_output=True)
    other = Platform(instance=f"gone-{os.getpid()}", root=tree)
    other.up("profile", "audit")
    status = other.status()
    units = [*status["resources"], *status["others"], *(r for s in status["services"] for r in s["replicas"])]
    pids = [unit["pid"] for unit in units if unit["pid"]] + list(status["pids"].values())
    processes = [psutil.Process(pid) for pid in pids]
    subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=False, capture_output=True)
    shutil.rmtree(tree, ignore_errors=True)  # what was written while it was being removed
    _, alive = psutil.wait_procs(processes, 60)
    assert alive == []
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
    assert not tree.exists()
    keep_promise(tree, other.instance)


def test_two_worktrees_run_side_by_side_on_ports_of_their_own(
    own_platform: Platform, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    subprocess.run(["git", "worktree", "add", "--detach", tmp_path / "tree"], cwd=ROOT, check=True, capture_output=True)
    other = Platform(instance=own_platform.instance, root=tmp_path / "tree")
    try:
        here, there = own_platform.up("profile"), other.up("profile")
        assert here["services"][0]["url"] != there["services"][0]["url"]
        assert other.run("down").returncode == 0
        assert own_platform.status()["state"] == "ready"
    finally:
        other.down()
        subprocess.run(["git", "worktree", "remove", "--force", tmp_path / "tree"], cwd=ROOT, check=True)
