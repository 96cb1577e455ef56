"""The environment of a service, as its own settings read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autional_cli import secrets
from autional_cli.drivers.embedded import resources
from autional_cli.environment import environment
from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.workspace.model import ServiceEntry, Stack

from .made import spec

if TYPE_CHECKING:
    from collections.abc import Iterator

IDENTITY = replace(spec("identity", 11001), database="postgres")
AUDIT = replace(spec("audit", 11004), database="mongo")
MAILER = replace(spec("notification", 11005), resources=("mailbox", "objects"))
ALL = (IDENTITY, AUDIT, MAILER)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    opened = Instance.open(tmp_path, "test")
    opened.create()
    opened.remember(block=13000)
    yield opened
    opened.discard_run_dir()


def stack(**env: str) -> Stack:
    services = {each.name: ServiceEntry(env=env) for each in ALL}
    return Stack(name="x", path=Path("x"), services=services, resources={})


def test_a_relational_service_gets_its_own_credentials(instance: Instance) -> None:
    found = environment(instance, IDENTITY, stack(), resources(instance, stack(), ALL))
    known = secrets.read(instance)
    assert known is not None
    database, bus = known.password("identity", "postgres"), known.password("identity", "redis")
    assert found["AUTIONAL_DATABASE_URL"] == f"postgresql+asyncpg://identity:{database}@127.0.0.1:13050/identity"
    assert found["AUTIONAL_BUS_URL"] == f"redis://identity:{bus}@127.0.0.1:13051/0"
    assert found["AUTIONAL_SECRET"] == known.sealing("identity")
    assert known.operator not in "".join(found.values())
    assert (found["AUTIONAL_HTTP_PORT"], found["AUTIONAL_GRPC_PORT"]) == ("13001", "14001")
    assert found["AUTIONAL_OTLP_ENDPOINT"] == "http://127.0.0.1:13099"
    assert found["AUTIONAL_REPLICA"] == "identity-0"
    assert "AUTIONAL_SMTP_URL" not in found


def test_a_document_service_and_a_service_without_a_database(instance: Instance) -> None:
    built = resources(instance, stack(), ALL)
    audit, mailer = (environment(instance, each, stack(), built) for each in (AUDIT, MAILER))
    assert audit["AUTIONAL_DATABASE_URL"].startswith("mongodb://audit:")
    assert audit["AUTIONAL_DATABASE_URL"].endswith("@127.0.0.1:13053/audit?authSource=admin&directConnection=true")
    assert mailer["AUTIONAL_DATABASE_URL"] == ""
    assert mailer["AUTIONAL_SMTP_URL"] == "smtp://127.0.0.1:13054"
    assert mailer["AUTIONAL_OBJECTS_URL"] == f"file://{instance.data_dir}/objects"


def test_a_replica_has_a_port_and_a_name_of_its_own(instance: Instance) -> None:
    found = environment(instance, IDENTITY, stack(), resources(instance, stack(), ALL), replica=1)
    assert (found["AUTIONAL_REPLICA"], found["AUTIONAL_HTTP_PORT"]) == ("identity-1", "13033")


def test_the_stack_has_the_last_word(instance: Instance) -> None:
    chosen = stack(AUTIONAL_LOG_LEVEL="DEBUG", AUTIONAL_SECRET="mine")
    found = environment(instance, IDENTITY, chosen, resources(instance, chosen, ALL))
    assert (found["AUTIONAL_LOG_LEVEL"], found["AUTIONAL_SECRET"]) == ("DEBUG", "mine")


def test_without_secrets_the_error_says_what_to_do(instance: Instance) -> None:
    with pytest.raises(AutionalError, match="has no secrets for identity yet"):
        environment(instance, IDENTITY, stack(), [])


def test_building_resources_starts_nothing_and_creates_no_data(instance: Instance) -> None:
    resources(instance, stack(), ALL)
    assert not list(instance.data_dir.iterdir())
