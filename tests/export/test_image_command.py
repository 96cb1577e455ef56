"""`autional image build` without an engine that could build: what is said, and what to do."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

import pytest
from docker.errors import DockerException

from autional_cli.drivers.docker import sdk, trouble
from autional_cli.errors import AutionalError
from autional_cli.images.build import Order, arguments, compressed, follow, words
from tests.docker import contexts
from tests.platform.running import AUTIONAL, ROOT


def build_refused(**environment: str) -> str:
    """Return what `autional image build` says when it finds no engine that it may use."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    command, env = [str(AUTIONAL), "image", "build"], {**told, **environment, "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("host", "why"),
    [("unix:///nowhere/docker.sock", "No such file or directory"), ("tcp://127.0.0.1:9", "Connection refused")],
)
def test_without_an_engine_the_command_says_where_it_looked(host: str, why: str) -> None:
    said = build_refused(DOCKER_HOST=host)
    assert f"no Docker engine answers at {host} ({why})" in said
    assert "next: start it: sudo systemctl start docker" in said
    assert trouble.WITHOUT not in said  # an image is not built without an engine


def test_the_image_is_built_by_the_engine_of_the_chosen_context(tmp_path: Path) -> None:
    contexts.use(tmp_path, "rootless", f"unix://{tmp_path}/rootless.sock")
    assert f"no Docker engine answers at unix://{tmp_path}/rootless.sock" in build_refused(DOCKER_CONFIG=str(tmp_path))


def test_a_socket_of_somebody_else_is_a_matter_of_permission() -> None:
    said = "no permission to use the Docker engine at unix:///x"
    with pytest.raises(AutionalError, match=said) as caught, trouble.explained("unix:///x", "x"), sdk.spoken():
        raise DockerException("while fetching the version") from PermissionError(13, "Permission denied")
    assert "usermod" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("pull access denied for x, repository does not exist", "--base"),
        ("Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io: no such host", "--base"),
        ("toomanyrequests: You have reached your pull rate limit", "docker login"),
        ("write /x: no space left on device", "docker system df"),
    ],
)
def test_a_failed_build_names_what_helps_and_shows_its_last_lines(reason: str, hint: str) -> None:
    shown: list[str] = []
    stream = [{"stream": "Step 3/9 : RUN pip\n"}, {"stream": "no matching distribution\n"}, {"error": reason}]
    with pytest.raises(AutionalError) as failed:
        follow(stream, shown.append)
    assert reason in failed.value.message
    assert "no matching distribution" in failed.value.message
    assert hint in str(failed.value.hint)
    assert shown == ["Step 3/9 : RUN pip", "no matching distribution"]


def test_arguments_that_are_given_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    order = Order(root=ROOT, tag="x:1", base="python:3.11-slim", arguments={"VERSION": "7"})
    found = arguments(order)
    assert found["PIP_INDEX_URL"] == "https://index.example"
    assert (found["BASE"], found["VERSION"]) == ("python:3.11-slim", "7")
    assert found["CREATED"] == "1970-01-01T00:00:00Z"


def test_a_layer_is_named_by_what_made_it() -> None:
    assert words("/bin/sh -c #(nop)  USER 10001") == "USER 10001"
    assert words("|2 A=1 B=2 /bin/sh -c make all") == "make all"
    assert words("") == "imported"


def test_the_compressed_size_is_what_gzip_makes_of_it() -> None:
    data = [b"a" * 100_000, b"b" * 100_000]
    packer = zlib.compressobj(level=1, wbits=31)
    assert compressed(data) == len(packer.compress(b"".join(data)) + packer.flush())
