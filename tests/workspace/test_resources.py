"""How a stack says which driver runs each resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.workspace.load import load_stack

from .made import SPECS, write_stack

if TYPE_CHECKING:
    from pathlib import Path


def test_each_resource_may_have_a_driver_of_its_own(tmp_path: Path) -> None:
    write_stack(
        tmp_path,
        "x",
        """\
        version: 1
        driver: docker
        resources:
          postgres: {image: 'registry.example:5000/team/postgres:18.1', env: {POSTGRES_INITDB_WALDIR: /wal}, memory: 2g}
          redis: {driver: external, url: 'rediss://user:${REDIS_PASSWORD}@redis.example:6380/0'}
          cache: {driver: embedded}
        """,
    )
    stack = load_stack(tmp_path, "x", SPECS)
    drivers = {name: stack.driver_of(name) for name in ("postgres", "redis", "cache", "mongo")}
    assert drivers == {"postgres": "docker", "redis": "external", "cache": "embedded", "mongo": "docker"}
    assert stack.entry("postgres").image == "registry.example:5000/team/postgres:18.1"
    assert stack.entry("postgres").memory == "2g"
