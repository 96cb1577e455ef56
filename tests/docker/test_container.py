"""What needs no engine: what a container is made of, what it is called, where an engine is looked for."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from autional_cli.drivers.docker import engine
from autional_cli.drivers.docker.container import Container, Place, packed
from autional_cli.instance import Instance
from tests.docker import contexts

WANTED = Container(image="redis:8.2.3", files={"/etc/a": "b"}, live_files={"/etc/users": "x"}, ports={6379: 11051})


def test_a_container_is_another_one_when_anything_but_a_live_file_differs() -> None:
    digest = WANTED.digest("sha256:1")
    assert replace(WANTED, live_files={"/etc/users": "y"}).digest("sha256:1") == digest
    changes = [
        WANTED.digest("sha256:2"),
        *(replace(WANTED, **change).digest("sha256:1") for change in (
            {"command": ("redis-server",)}, {"env": {"A": "b"}}, {"files": {"/etc/a": "c"}}, {"ports": {6379: 1}},
            {"memory": "2g"}, {"user": "redis"},
        )),
    ]  # fmt: skip
    assert len({digest, *changes}) == len(changes) + 1


def test_instances_of_one_name_in_two_workspaces_have_different_names(tmp_path: Path) -> None:
    places = [Place.of(Instance.open(tmp_path / name, "test")) for name in ("a", "b")]
    assert len({place.prefix for place in places}) == 2
    assert all(place.prefix.endswith("-test") for place in places)


def test_files_are_packed_for_the_root_of_a_container() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed({"/etc/autional/a": "text"}))) as archive:
        [entry] = archive.getmembers()
        content = archive.extractfile(entry)
        assert content is not None
        assert (entry.name, entry.mode, content.read()) == ("etc/autional/a", 0o644, b"text")


def test_an_engine_is_found_by_variable_and_by_context(tmp_path: Path) -> None:
    contexts.use(tmp_path, "rootless", "unix:///run/user/1/docker.sock")
    program = f"from {engine.__name__} import address; print(address())"

    def asked(**env: str) -> str:
        base = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=base | env, capture_output=True, text=True, check=True, timeout=30,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        return done.stdout.strip()

    assert asked(DOCKER_CONFIG=str(tmp_path)) == "unix:///run/user/1/docker.sock"
    assert asked(DOCKER_CONFIG=str(tmp_path), DOCKER_HOST="tcp://127.0.0.1:2375") == "tcp://127.0.0.1:2375"
    assert asked() == engine.DEFAULT


@pytest.mark.parametrize("module", ["autional_cli.supervisor.topology", "autional_cli.supervisor.serve"])
def test_neither_the_sdk_nor_testcontainers_is_imported_before_a_container_is_to_be_made(module: str) -> None:
    program = f"import sys, {module}, autional_cli.drivers.docker.driver; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not {"docker", "testcontainers", "requests"} & set(done.stdout.split())
