"""A migrated cluster kept as a template: the second new instance copies it."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.resources.template import KEPT, STAGE, Template

from .running import IDENTITY, SESSION, build, claim, running, snapshot
from .test_postgres import run_sql

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.drivers.base import Resource


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own; the variable is how a user moves it, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


async def migrated(platform: dict[str, Resource], instance: Instance) -> Path:
    """Return the data directory of a stopped cluster with a table."""
    async with running(platform["postgres"]):
        await run_sql(platform["postgres"].url_for(IDENTITY), "CREATE TABLE migrated (id int)")
    return instance.data_dir / "postgres"


async def test_a_new_instance_made_from_a_template_has_the_tables_and_passwords_of_its_own(
    platform: dict[str, Resource], instance: Instance, tmp_path: Path
) -> None:
    template = Template.of(platform["postgres"].version, "0001")
    template.save(await migrated(platform, instance))
    other = Instance.open(tmp_path / "elsewhere", "other")
    other.create()
    with claim(other):
        postgres = build(other)["postgres"]
        assert template.restore(other.data_dir / "postgres")
        async with running(postgres):
            await run_sql(postgres.url_for(IDENTITY), "SELECT id FROM migrated")
            await run_sql(postgres.url_for(SESSION), "SELECT 1")
            old = (
                platform["postgres"]
                .url_for(IDENTITY)
                .replace(str(instance.block.base + 50), str(other.block.base + 50))
            )
            with pytest.raises(Exception, match="password authentication failed"):
                await run_sql(old, "SELECT 1")
    other.discard_run_dir()


async def test_a_template_holds_no_secret_of_the_instance_that_made_it(
    platform: dict[str, Resource], instance: Instance
) -> None:
    template = Template.of("18.6", "0001")
    template.save(await migrated(platform, instance))
    urls = (platform["postgres"].admin_url(), platform["postgres"].url_for(IDENTITY))
    passwords = [url.split(":")[2].split("@")[0].encode() for url in urls]
    assert not [name for name, content in snapshot(template.path).items() for p in passwords if p in content]
    assert template.path.stat().st_mode & 0o777 == 0o700


def test_without_a_template_nothing_is_made(tmp_path: Path) -> None:
    assert not Template.of("18.6", "0001").restore(tmp_path / "data" / "postgres")
    assert not (tmp_path / "data").exists()


def test_other_migrations_or_another_server_version_are_another_template() -> None:
    paths = {Template.of(version, migrations).path for version in ("18.6", "18.7") for migrations in ("0001", "0002")}
    assert len(paths) == 4


def fake_cluster(folder: Path) -> Path:
    """Return something that looks like a stopped cluster of ours."""
    folder.mkdir(mode=0o700)
    (folder / "autional.json").write_text('{"format": "postgresql-18"}')
    (folder / "base").write_bytes(b"x" * 100_000)
    return folder


def test_a_running_cluster_is_not_saved(tmp_path: Path) -> None:
    cluster = fake_cluster(tmp_path / "postgres")
    (cluster / "postmaster.pid").write_text("1")
    with pytest.raises(AutionalError, match="in use"):
        Template.of("18.6", "0001").save(cluster)
    assert not Template.of("18.6", "0001").exists


@pytest.mark.parametrize("damage", [b"", b"x" * 99_999 + b"y"])
def test_a_damaged_template_counts_as_none_and_is_removed_and_that_is_said(
    tmp_path: Path, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    template = Template.of("18.6", "0001")
    template.save(fake_cluster(tmp_path / "postgres"))
    (template.path / "base").write_bytes(damage)
    assert not template.restore(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not template.exists
    assert "was damaged" in capsys.readouterr().err


def test_data_that_exists_is_never_replaced(tmp_path: Path) -> None:
    template = Template.of("18.6", "0001")
    template.save(fake_cluster(tmp_path / "postgres"))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    with pytest.raises(AutionalError, match="is not empty"):
        template.restore(tmp_path / "precious")
    assert snapshot(tmp_path / "precious") == {"file": b"x"}


def test_the_least_recently_used_templates_are_removed(tmp_path: Path) -> None:
    cluster = fake_cluster(tmp_path / "postgres")
    templates = [Template.of("18.6", str(number)) for number in range(KEPT + 1)]
    for template in templates[:KEPT]:
        template.save(cluster)
    assert templates[0].restore(tmp_path / "used")
    templates[KEPT].save(cluster)
    assert [template.exists for template in templates] == [True, False, True, True]


def test_many_who_save_and_restore_at_once_all_succeed(tmp_path: Path) -> None:
    cluster = fake_cluster(tmp_path / "postgres")
    template = Template.of("18.6", "0001")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            template.save(cluster)
            assert template.restore(tmp_path / f"copy{number}")
        except BaseException as failure:  # noqa: BLE001 - carried to the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert [path.name for path in template.path.parent.iterdir() if path.name != ".lock"] == [template.path.name]


def test_a_copy_that_is_still_being_saved_counts_for_nothing(tmp_path: Path) -> None:
    cluster = fake_cluster(tmp_path / "postgres")
    template = Template.of("18.6", "0001")
    template.save(cluster)
    saving = [template.path.parent / f"{STAGE}{number}" for number in range(KEPT)]
    for stage in saving:
        shutil.copytree(template.path, stage)
    Template.of("18.6", "0002").save(cluster)
    assert template.exists
    assert all(stage.is_dir() for stage in saving)
