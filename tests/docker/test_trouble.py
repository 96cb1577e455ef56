"""What is said when there is no engine, no permission, no image, no more pulls, no network: each with its fix."""

from __future__ import annotations

import http.server
import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.drivers.docker import container, images, trouble
from autional_cli.drivers.docker.engine import Engine
from autional_cli.drivers.telling import listening
from autional_cli.errors import AutionalError, ExitCode
from tests.platform.running import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST = "sha256:" + "0" * 64


@contextmanager
def registry(status: int, code: str, message: str) -> Iterator[str]:
    """Run a registry that refuses every manifest as the distribution specification says; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"{}"
            if "/manifests/" in self.path:
                body = f'{{"errors": [{{"code": "{code}", "message": "{message}"}}]}}'.encode()
            self.send_response(status if "/manifests/" in self.path else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_HEAD = do_GET  # noqa: N815 - the name that the server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("status", "code", "message", "says", "fix"),
    [
        (404, "MANIFEST_UNKNOWN", "manifest unknown", "there is no such image", "`image` of the resource"),
        (
            429,
            "TOOMANYREQUESTS",
            "You have reached your pull rate limit",
            "limits how much may be pulled",
            "docker login",
        ),
        (401, "UNAUTHORIZED", "authentication required", "refuses", "docker login"),
    ],
)
def test_what_a_registry_refuses_is_told_apart(status: int, code: str, message: str, says: str, fix: str) -> None:
    told: list[str] = []
    with (
        registry(status, code, message) as place,
        listening(told.append),
        pytest.raises(AutionalError, match=says) as caught,
    ):
        images.ensure(container.engine(), f"{place}/team/postgres:18.1")
    assert caught.value.exit_code is ExitCode.BACKEND_UNAVAILABLE
    assert fix in str(caught.value.hint)
    assert trouble.WITHOUT in str(caught.value.hint)
    assert told == [f"pulling {place}/team/postgres:18.1"]


@pytest.mark.docker
def test_a_registry_that_cannot_be_reached_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        image = f"127.0.0.1:{unused.getsockname()[1]}/postgres:18.1"
        with pytest.raises(AutionalError, match="the registry cannot be reached") as caught:
            images.ensure(container.engine(), image)
    assert f"docker pull {image}" in str(caught.value.hint)


def test_pulling_tells_how_many_megabytes_have_come() -> None:
    layers: dict[str, tuple[int, int]] = {}
    mega = 1 << 20
    lines: list[dict[str, Any]] = [
        {"status": "Pulling from library/postgres", "id": "18.1"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 3 * mega, "total": 10 * mega}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": 1 * mega, "total": 90 * mega}},
        {"status": "Download complete", "id": "a"},
    ]
    assert [images.progress("postgres:18.1", layers, line) for line in lines] == [
        "pulling postgres:18.1",
        "pulling postgres:18.1: 3 of 10 MB",
        "pulling postgres:18.1: 4 of 100 MB",
        "pulling postgres:18.1: 11 of 100 MB",
    ]


def test_without_an_engine_up_names_the_fix_and_offers_the_embedded_driver(tmp_path: Path) -> None:
    platform = Platform(instance=f"no-engine-{os.getpid()}", env={"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
    try:
        done = platform.run("up", "--stack", "login", "--driver", "docker")
        assert done.returncode == ExitCode.BACKEND_UNAVAILABLE
        assert "no Docker engine answers at" in done.stderr
        assert "systemctl start docker" in done.stderr
        assert "autional up --driver embedded" in done.stderr
    finally:
        platform.down()


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="root may open every socket")
def test_a_socket_that_one_may_not_open_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    failure = PermissionError(13, "Permission denied")
    with pytest.raises(AutionalError, match="no permission to use the Docker engine") as caught:
        raise trouble.no_engine("unix:///var/run/docker.sock", failure)
    assert "usermod -aG docker" in str(caught.value.hint)
    with pytest.raises(AutionalError, match="No such file"), trouble.explained(f"unix://{tmp_path}/x", "x"):
        Engine(f"unix://{tmp_path}/x").version()


def test_an_engine_of_another_machine_is_refused(tmp_path: Path) -> None:
    platform = Platform(instance=f"far-engine-{os.getpid()}", env={"DOCKER_HOST": "ssh://me@elsewhere"})
    try:
        done = platform.run("up", "--stack", "login", "--driver", "docker")
        assert done.returncode == ExitCode.BACKEND_UNAVAILABLE
        assert "ssh://me@elsewhere is not on this machine" in done.stderr
    finally:
        platform.down()
