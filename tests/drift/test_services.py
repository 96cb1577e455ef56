"""Drift of the real services' databases: structure, revisions, MongoDB, and servers that do not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.database import Database

from autional_cli.drift import Target, compare, compare_one, families
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.apply import upgrade
from autional_cli.ports import LOOPBACK
from services.audit.models import COLLECTIONS, EVENTS
from services.chassis.documents import prepare
from tests.drift.databases import ROOT, Databases, execute

MORE_PURPOSES = """
ALTER TABLE email_tokens DROP CONSTRAINT ck_email_tokens_purpose,
  ADD CONSTRAINT ck_email_tokens_purpose CHECK (purpose IN ('verify', 'reset', 'other'))
"""
OTHER_PREDICATE = """
DROP INDEX ix_deliveries_due; CREATE INDEX ix_deliveries_due ON deliveries (next_attempt_at) WHERE status <> 'sent'
"""
SILENT = """
CREATE OR REPLACE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$
"""
TRIGGER = "AFTER DELETE ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION notify_deliveries()"
# service, what is planted, the kind, the object
PLANTED = [
    ("identity", "ALTER TABLE users ALTER email DROP NOT NULL", "column_nullable", "users.email"),
    (
        "identity",
        MORE_PURPOSES,
        "check_body",
        "email_tokens.ck_email_tokens_purpose",
    ),
    ("session", "ALTER TABLE sessions ALTER generation TYPE bigint", "column_type", "sessions.generation"),
    ("session", "DROP INDEX ix_sessions_expires_at", "index_missing", "sessions.ix_sessions_expires_at"),
    ("mfa", "DROP TABLE recovery_codes", "table_missing", "recovery_codes"),
    ("mfa", "ALTER TABLE failures ALTER since DROP DEFAULT", "column_default", "failures.since"),
    ("profile", "ALTER TABLE profiles ALTER preferences SET DEFAULT '[]'", "column_default", "profiles.preferences"),
    (
        "notification",
        OTHER_PREDICATE,
        "index_definition",
        "deliveries.ix_deliveries_due",
    ),
    ("notification", "ALTER TABLE outbox DROP CONSTRAINT pk_outbox", "primary_key_missing", "outbox.pk_outbox"),
    ("identity", "DROP TRIGGER outbox_inserted ON outbox", "trigger_missing", "outbox.outbox_inserted"),
    ("session", SILENT, "function_body", "notify_outbox()"),
    ("notification", "CREATE TRIGGER extra " + TRIGGER, "trigger_extra", "deliveries.extra"),
    (
        "profile",
        "UPDATE alembic_version SET version_num = 'profile_9999'",
        "revision_unknown",
        "profile.alembic_version",
    ),
    ("profile", "DELETE FROM alembic_version", "revision_missing", "profile.alembic_version"),
]


async def test_a_clean_platform_gives_none(databases: Databases) -> None:
    found = await compare(ROOT, databases.targets())
    assert [one.name for one in found] == [target.name for target in databases.targets()]
    assert len(found) >= 6
    assert {one.name: one.differences for one in found if not one.clean} == {}
    assert all(one.revision == one.head != "" for one in found if one.name != "audit")


@pytest.mark.parametrize(("service", "planted", "kind", "name"), PLANTED, ids=[f"{p[0]}-{p[2]}" for p in PLANTED])
async def test_a_planted_difference_is_found_in_its_service_alone(
    databases: Databases, service: str, planted: str, kind: str, name: str
) -> None:
    await execute(databases.url(service), planted)
    try:
        other = "mfa" if service != "mfa" else "profile"
        found = await compare(ROOT, [databases.target(service), databases.target(other)])
        assert [(one.name, d.kind, d.object) for one in found for d in one.differences] == [(service, kind, name)]
        [one] = [one for one in found if not one.clean]
        shown = one.to_json()
        assert set(shown) == {"name", "revision", "head", "differences"}
        assert set(shown["differences"][0]) == {"kind", "object", "model", "database", "mend"}
        assert shown["differences"][0]["mend"]
    finally:
        await databases.restore(service)


def change_index(db: Database[Any]) -> None:
    db.events.drop_index("time")
    db.events.create_index([("time", -1)], name="time")


def loosen_index(db: Database[Any]) -> None:
    db.events.drop_index("seq")
    db.events.create_index([("seq", 1)], name="seq")


def make_other(**options: Any) -> Callable[[Database[Any]], object]:
    """Return what makes the collection anew with options."""

    def plant(db: Database[Any]) -> None:
        db.anchors.drop()
        db.create_collection("anchors", **options)

    return plant


def demote(db: Database[Any]) -> None:
    db.client.admin.command("updateUser", "audit", roles=[{"role": "read", "db": "audit"}])


MONGO: dict[str, Callable[[Database[Any]], object]] = {
    "mongo_index_missing events.time": lambda db: db.events.drop_index("time"),
    "mongo_index_extra events.source_1": lambda db: db.events.create_index([("source", 1)]),
    "mongo_index_definition events.time": change_index,
    "mongo_index_definition events.seq": loosen_index,
    "validator events": lambda db: db.command("collMod", "events", validator={}),
    "validator_action events": lambda db: db.command("collMod", "events", validationAction="warn"),
    "validator_level events": lambda db: db.command("collMod", "events", validationLevel="off"),
    "collection_missing events": lambda db: db.events.drop(),
    "collection_extra strangers": lambda db: db.create_collection("strangers"),
    "collection_options anchors": make_other(capped=True, size=4096),
    "collection_kind anchors": make_other(viewOn="events", pipeline=[]),
    "mongo_role audit": demote,
}


def test_every_kind_of_mongo_has_a_case() -> None:
    assert {name.split()[0] for name in MONGO} == set(families.DOCUMENTS)


@pytest.mark.parametrize("expected", MONGO)
async def test_a_difference_planted_in_mongo_is_found_and_mended(databases: Databases, expected: str) -> None:
    operator = databases.resources["mongo"].admin_url()
    with MongoClient[Any](operator, serverSelectionTimeoutMS=5000) as client:
        db = client.get_database("audit")
        document = {"_id": "kept", "at": 1}
        try:
            db.anchors.insert_one(document)
            MONGO[expected](db)
            found = await compare_one(ROOT, databases.target("audit"))
            assert [f"{d.kind} {d.object}" for d in found.differences] == [expected]
            [one] = found.differences
            if expected.startswith(("collection_options", "collection_kind")):
                assert one.mend.startswith("# ")  # nothing makes it so without copying the documents
                return
            with MongoClient[Any](databases.url("audit")) as own:
                eval(one.mend, {"db": db if one.by else own.get_default_database()})
            assert (await compare_one(ROOT, databases.target("audit"))).clean
            assert db.anchors.find_one() == document
        finally:
            client.admin.command("updateUser", "audit", roles=[{"role": "readWrite", "db": "audit"}])
            for name in db.list_collection_names():
                db.drop_collection(name)
            for collection in COLLECTIONS:
                db.command({"create": collection.name, "validator": dict(collection.validator)})
            db.events.create_indexes([index.model for index in EVENTS.indexes])


async def test_a_collection_with_documents_is_not_dropped_by_its_mend(databases: Databases) -> None:
    with MongoClient[Any](databases.url("audit"), serverSelectionTimeoutMS=5000) as client:
        db = client.get_default_database()
        db.strangers.insert_one({"_id": 1})
        try:
            [one] = (await compare_one(ROOT, databases.target("audit"))).differences
            assert eval(one.mend, {"db": db}) == "strangers holds documents"
            assert db.strangers.count_documents({}) == 1
        finally:
            db.drop_collection("strangers")


async def test_a_service_that_starts_makes_its_validators_refuse_again(databases: Databases) -> None:
    with MongoClient[Any](databases.url("audit"), serverSelectionTimeoutMS=5000) as client:
        client.get_default_database().command("collMod", "events", validationAction="warn", validationLevel="off")
    async with AsyncMongoClient[dict[str, Any]](databases.url("audit"), serverSelectionTimeoutMS=5000) as started:
        await prepare(started.get_default_database(), COLLECTIONS)
    assert (await compare_one(ROOT, databases.target("audit"))).clean


async def test_revisions_that_are_not_recorded_are_recorded_by_the_mend(databases: Databases) -> None:
    url, target = databases.url("profile"), databases.target("profile")
    try:
        for planted in ("DELETE FROM alembic_version", "DROP TABLE alembic_version"):
            await execute(url, planted)
            [one] = (await compare_one(ROOT, target)).differences
            assert one.kind == "revision_missing"
            await execute(url, one.mend)
            assert (await compare_one(ROOT, target)).clean
        await execute(url, "DELETE FROM alembic_version; ALTER TABLE profiles ADD odd int")
        [one, _] = (await compare_one(ROOT, target)).differences
        assert (one.kind, one.mend[:3]) == ("revision_missing", "-- ")  # nobody knows what it is at
        await execute(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        one = (await compare_one(ROOT, target)).differences[0]
        assert (one.kind, one.mend) == ("revision_missing", "autional migrate up profile")
        await upgrade(ROOT, "profile", url)
        assert (await compare_one(ROOT, target)).clean
    finally:
        await databases.restore("profile")


@pytest.mark.parametrize("kind", ["postgres", "mongo"])
async def test_a_database_that_does_not_answer_is_an_error_and_never_no_drift(kind: str, unused_tcp_port: int) -> None:
    scheme, service = ("postgresql+asyncpg", "identity") if kind == "postgres" else ("mongodb", "audit")
    url = f"{scheme}://{service}:wrong@{LOOPBACK}:{unused_tcp_port}/{service}"
    with pytest.raises(AutionalError) as refused:
        await compare(ROOT, [Target(service, kind, url)])
    assert refused.value.exit_code == ExitCode.BACKEND_UNAVAILABLE
    assert service in refused.value.message
    assert "wrong" not in refused.value.message  # the password


async def test_a_wrong_password_and_a_database_that_is_gone_are_errors_too(databases: Databases) -> None:
    url = databases.url("identity")
    for broken in (url.rsplit("/", 1)[0] + "/nowhere", url.replace("//identity:", "//identity:x")):
        with pytest.raises(AutionalError) as refused:
            await compare(ROOT, [Target("identity", "postgres", broken)])
        assert refused.value.exit_code == ExitCode.BACKEND_UNAVAILABLE


async def test_a_role_that_may_not_create_a_schema_is_told_so(databases: Databases) -> None:
    await execute(databases.operator_url.rsplit("/", 1)[0] + "/mfa", "ALTER DATABASE mfa OWNER TO autional")
    try:
        with pytest.raises(AutionalError, match="permission denied"):
            await compare(ROOT, [databases.target("mfa")])
    finally:
        await execute(databases.operator_url, "ALTER DATABASE mfa OWNER TO mfa")
