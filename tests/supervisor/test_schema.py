"""Migrated clusters as templates, with real PostgreSQL clusters that are never started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autional_cli.drivers import embedded
from autional_cli.instance import Instance
from autional_cli.supervisor.schema import MARKER, Migrations, TemplatedPostgres, migrations, templated
from autional_cli.workspace.model import Stack
from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

ALPHA = ServiceSpec(name="alpha", summary="-", port=11000, error_codes=range(1, 2), database="postgres")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def cluster(tmp_path: Path, name: str) -> TemplatedPostgres:
    instance = Instance.open(tmp_path, name)
    stack = Stack(name="full", path=tmp_path / "full.yaml", services={}, resources={})
    found = next(r for r in embedded.resources(instance, stack, [ALPHA]) if r.name == "postgres")
    made = templated(found, instance, tmp_path, [ALPHA])
    assert isinstance(made, TemplatedPostgres)
    return made


class Pauses:
    """Stands for the supervisor: the cluster does not run, so there is nothing to stop."""

    def __init__(self) -> None:
        self.paused: list[str] = []

    async def __call__(self, unit: str, work: Callable[[], Awaitable[None]]) -> None:
        self.paused.append(unit)
        await work()


async def test_a_new_cluster_becomes_a_template_that_the_next_instance_copies(tmp_path: Path) -> None:
    first, pause = cluster(tmp_path, "first"), Pauses()
    await first.prepare()
    assert not Migrations(cluster=first).is_done()
    await Migrations(cluster=first).finish(pause)
    assert pause.paused == ["postgres"]
    assert Migrations(cluster=first).is_done()
    assert first.template.exists

    second = cluster(tmp_path, "second")
    await second.prepare()
    assert Migrations(cluster=second).is_done()
    identifier = "global/pg_control"
    assert (second.data_dir / "PG_VERSION").read_bytes() == (first.data_dir / "PG_VERSION").read_bytes()
    assert (second.data_dir / identifier).stat().st_size == (first.data_dir / identifier).stat().st_size


async def test_a_cluster_whose_history_is_not_known_never_becomes_a_template(tmp_path: Path) -> None:
    old, pause = cluster(tmp_path, "old"), Pauses()
    await old.prepare()
    old.marker.unlink()
    await old.prepare()
    await Migrations(cluster=old).finish(pause)
    assert pause.paused == []
    assert not old.template.exists


async def test_other_migrations_are_not_done_yet(tmp_path: Path) -> None:
    made = cluster(tmp_path, "changed")
    await made.prepare()
    await Migrations(cluster=made).finish(Pauses())
    (tmp_path / "migrations" / "alpha").mkdir(parents=True)
    (tmp_path / "migrations" / "alpha" / "0001.py").write_text("revision = '1'")
    assert not Migrations(cluster=cluster(tmp_path, "changed")).is_done()


def test_the_migrations_wait_for_the_cluster_and_carry_every_url(tmp_path: Path) -> None:
    made = cluster(tmp_path, "unit")
    unit = migrations(Instance.open(tmp_path, "unit"), tmp_path, [made], [ALPHA])
    assert unit.needs == ("postgres",)
    assert unit.process is not None
    assert '"service": "alpha"' in unit.process.env["AUTIONAL_MIGRATIONS"]
    assert MARKER not in unit.process.env
