"""Names that a system beneath keeps for itself are refused, by that system's own word; names of a business are not."""

from __future__ import annotations

import asyncio
import keyword
import sys
from collections.abc import Iterator

import asyncpg
import pytest
import yaml

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.scaffold.taken import taken_by
from autional_cli.scaffold.words import check_resource, check_service
from services.chassis.spec import ServiceSpec
from tests.chassis.servers import Server
from tests.resources.running import build, claim
from tests.scaffold.workspaces import ROOT, plan

REPORTED = """
public none default postgres template1 pg_x user admin local config true null on no 1e3 con aux localhost types test
services match type yes off False NULL y n select table all time until case www health metrics get options trace
autional checks telemetry jaeger kubernetes internal
"""
FINE = "loyalty billing rewards invoices catalog points tenant search ratings orders1 shipping pgbench nullable tabled"
RESOURCES_REFUSED = "grant user table order select check column"
RESOURCES_FINE = "reward invoice rating shipment ticket"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The operator's URL of a PostgreSQL server of its own."""
    spec = ServiceSpec(name="gallery", summary="-", port=11048, error_codes=range(9900, 9910), database="postgres")
    instance = Instance.open(tmp_path_factory.mktemp("words"), "words")
    instance.create()
    with claim(instance):
        running = Server(build(instance, [spec])["postgres"])
        asyncio.run(running.start())
        try:
            yield running.resource.admin_url()
        finally:
            running.end()
            instance.discard_run_dir()


@pytest.mark.parametrize("name", REPORTED.split())
def test_a_name_that_a_system_keeps_is_refused_before_anything_is_written(name: str) -> None:
    with pytest.raises(AutionalError) as refused:
        plan(ROOT, name)
    assert refused.value.hint


@pytest.mark.parametrize("name", FINE.split())
def test_a_name_of_a_business_is_fine(name: str) -> None:
    check_service(name)


@pytest.mark.parametrize("word", RESOURCES_REFUSED.split())
def test_a_resource_that_no_table_can_be_called_is_refused(word: str) -> None:
    with pytest.raises(AutionalError):
        check_resource(word)


@pytest.mark.parametrize("word", RESOURCES_FINE.split())
def test_a_resource_of_a_business_is_fine(word: str) -> None:
    check_resource(word)


async def asked(url: str, query: str) -> list[str]:
    connection = await asyncpg.connect(url, timeout=5, ssl=False)
    try:
        return [str(row[0]) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_every_word_that_the_server_reserves_is_refused(server: str) -> None:
    words = await asked(server, "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    assert len(words) > 90
    assert [word for word in words if not taken_by(word) or not taken_by(word, schema=True)] == []


async def test_what_the_server_has_from_the_start_is_refused(server: str) -> None:
    names = await asked(server, "SELECT rolname FROM pg_roles UNION SELECT datname FROM pg_database")
    own = [name for name in names if name != "gallery"]
    assert {"postgres", "template0", "template1"} <= set(own)
    assert [name for name in own if not taken_by(name)] == []


async def test_the_server_itself_refuses_the_roles_that_are_listed(server: str) -> None:
    connection = await asyncpg.connect(server, timeout=5, ssl=False)
    try:
        for name in ("public", "none", "pg_x"):
            assert taken_by(name)
            with pytest.raises(asyncpg.ReservedNameError):
                await connection.execute(f'CREATE ROLE "{name}"')
    finally:
        await connection.close()


def test_what_yaml_reads_as_no_text_is_refused() -> None:
    lower = ["yes", "no", "on", "off", "true", "false", "null"]
    words = [*lower, *map(str.upper, lower), *map(str.title, lower)]
    assert all(not isinstance(yaml.safe_load(word), str) for word in words)
    assert [word for word in (*words, "y", "N") if not taken_by(word)] == []


def test_words_and_modules_of_python_are_refused() -> None:
    every = {*keyword.kwlist, *keyword.softkwlist, *sys.builtin_module_names, *sys.stdlib_module_names}
    for name in every - {"_"}:
        with pytest.raises(AutionalError):
            check_service(name)
