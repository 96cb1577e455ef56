"""N+1: seen whatever the values, the conventions and the level; and not where nothing repeats itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autional_cli.telemetry.diagnose import diagnose
from autional_cli.telemetry.statements import normalise_path, normalise_statement
from autional_cli.telemetry.tree import build

from .recording import Recording

if TYPE_CHECKING:
    from autional_cli.telemetry.finding import Finding
    from autional_cli.telemetry.model import Span

NOW = {"system": "db.system.name", "text": "db.query.text"}
OLD = {"system": "db.system", "text": "db.statement"}


def findings(recording: Recording, *kinds: str) -> list[Finding]:
    found = diagnose(build(recording.spans))
    return [finding for finding in found if finding.kind in (kinds or ("n_plus_one", "n_plus_one_calls"))]


def query(
    recording: Recording,
    at: float,
    parent: Span,
    text: str,
    names: dict[str, str] = NOW,
    *,
    system: str = "postgresql",
    service: str = "shop",
    error: bool = False,
) -> None:
    span = recording.span("SELECT", at, at + 0.5, parent, service=service, kind="client", error=error)
    span.attributes = {names["system"]: system, names["text"]: text}


def request() -> tuple[Recording, Span]:
    recording = Recording()
    return recording, recording.span("GET /orders", 0, 100, service="shop", kind="server")


@pytest.mark.parametrize("names", [NOW, OLD], ids=["now", "old"])
@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM items WHERE id = {n}",
        "select *\n  from items /* row {n} */ where id={n}  -- {n}",
        "SELECT * FROM items WHERE name = 'it''s {n}' AND price < {n}.5e3",
        "SELECT * FROM items WHERE id = $1",
        "SELECT * FROM items WHERE id IN ({ns})",
        "INSERT INTO items VALUES ({n}, 'a'), ({n}, 'b')",
        "SELECT * FROM items WHERE key = E'a\\'{n}' AND body = $x${n}$x$ AND bits = 0x{n}",
    ],
)
def test_a_query_for_each_row_is_seen_whatever_its_values(names: dict[str, str], text: str) -> None:
    recording, root = request()
    for n in range(6):
        ns = ", ".join(map(str, range(n + 1)))
        query(recording, n * 2, root, text.format(n=n, ns=ns) if "{" in text else text, names)
    (finding,) = findings(recording)
    assert finding.kind == "n_plus_one"
    assert finding.message.startswith("N+1: 6 times SELECT in shop GET /orders")
    assert len(finding.nodes) == 6


def test_a_span_around_each_query_hides_nothing() -> None:
    recording, root = request()
    for n in range(6):
        item = recording.span(f"load item {n}", n * 4, n * 4 + 3, root, service="shop")
        mapper = recording.span("Item.find", n * 4, n * 4 + 3, item, service="shop")
        query(recording, n * 4 + 1, mapper, f"SELECT * FROM items WHERE id = {n}")
    (finding,) = findings(recording)
    assert finding.message.startswith("N+1: 6 times SELECT in shop GET /orders")


def test_two_statements_for_each_row_are_two_findings_in_one_place() -> None:
    recording, root = request()
    for n in range(6):
        item = recording.span("load", n * 4, n * 4 + 3, root, service="shop")
        query(recording, n * 4 + 1, item, f"SELECT * FROM items WHERE id = {n}")
        query(recording, n * 4 + 2, item, f"SELECT * FROM prices WHERE item = {n}")
    assert [len(finding.nodes) for finding in findings(recording)] == [6, 6]


def test_documents_and_keys_of_other_databases_are_compared_without_values() -> None:
    recording, root = request()
    for n in range(6):
        query(recording, n, root, f'{{"find": "users", "filter": {{"_id": "u{n}"}}, "limit": 1}}', system="mongodb")
        query(recording, 20 + n, root, f"GET user:{n}", OLD, system="redis")
        query(recording, 40 + n, root, f'SELECT * FROM t WHERE a = "{n}"', system="mysql")
    assert [len(finding.nodes) for finding in findings(recording)] == [6, 6, 6]


CALLS: dict[str, Any] = {
    "path": lambda n: {"http.request.method": "GET", "url.path": f"/v1/users/{n}", "server.address": "profile"},
    "url": lambda n: {"http.method": "GET", "http.url": f"http://profile:80/users/{n:032x}?at={n}"},
    "target": lambda n: {"http.method": "GET", "http.target": f"/users/u{n}@example.com", "net.peer.name": "profile"},
    "grpc": lambda n: {"rpc.system.name": "grpc", "rpc.method": "Profile/Get", "server.address": "profile"},
    "old grpc": lambda n: {"rpc.system": "grpc", "rpc.method": "Get", "net.peer.name": "profile"},
}


@pytest.mark.parametrize("style", CALLS)
def test_a_call_for_each_row_is_seen(style: str) -> None:
    recording, root = request()
    for n in range(6):
        call = recording.span("GET", n * 10, n * 10 + 9, root, service="shop", kind="client")
        call.attributes = CALLS[style](n)
    (finding,) = findings(recording)
    assert finding.kind == "n_plus_one_calls"
    assert finding.message.startswith("N+1: 6 calls of ")
    assert "in shop GET /orders" in finding.message


def test_a_call_is_named_by_the_route_of_its_server_and_explains_the_queries_behind_it() -> None:
    recording, root = request()
    for n in range(6):
        call = recording.span("GET", n * 10, n * 10 + 9, root, service="shop", kind="client")
        call.attributes = {"http.request.method": "GET", "url.path": f"/u/{n}", "server.address": f"127.0.0.1:{n}"}
        served = recording.span("GET /u/{name}", n * 10 + 1, n * 10 + 8, call, service="profile", kind="server")
        served.attributes = {"http.route": "/u/{name}"}
        query(recording, n * 10 + 2, served, "SELECT * FROM users WHERE id = $1")
    (finding,) = findings(recording)
    assert finding.message.startswith("N+1: 6 calls of GET /u/{name} at profile in shop GET /orders")


def near_miss_different_tables(recording: Recording, root: Span) -> None:
    for n in range(6):
        query(recording, n, root, f"SELECT * FROM t{n}")


def near_miss_two_batches(recording: Recording, root: Span) -> None:
    for n in range(2):
        query(recording, n, root, f"INSERT INTO items VALUES {', '.join(f'({row})' for row in range(500))}")


def near_miss_four_rows(recording: Recording, root: Span) -> None:
    for n in range(4):
        query(recording, n, root, f"SELECT * FROM t WHERE id = {n}")


def near_miss_retries(recording: Recording, root: Span) -> None:
    for n in range(6):
        call = recording.span("GET", n * 9, n * 9 + 8, root, service="shop", kind="client", error=n < 5)
        call.attributes = {"http.request.method": "GET", "url.path": "/v1/users/7", "server.address": "profile"}
        query(recording, n * 9, root, "SELECT 1 FROM locks WHERE id = 7", error=n < 5)


def near_miss_different_routes(recording: Recording, root: Span) -> None:
    for n, route in enumerate(("users", "orders", "prices", "stock", "taxes", "offers")):
        call = recording.span("GET", 1, 9 + n, root, service="shop", kind="client")
        call.attributes = {"http.request.method": "GET", "url.path": f"/v1/{route}/7", "server.address": "api"}


def near_miss_different_targets(recording: Recording, root: Span) -> None:
    for n in range(6):
        call = recording.span("GET", 1, 9 + n, root, service="shop", kind="client")
        call.attributes = {"http.request.method": "GET", "url.path": "/healthz", "server.address": f"service-{n}.local"}


def near_miss_many_requests(recording: Recording, root: Span) -> None:
    for service in "abcdef":
        served = recording.span("GET /", 1, 9, root, service=service, kind="server")
        recording.span("SELECT", 2, 3, served, service=service, kind="client", db__system__name="postgresql")


def near_miss_messages(recording: Recording, root: Span) -> None:
    send = recording.span("send user.created", 1, 2, root, service="shop", kind="producer")
    for n in range(6):
        process = recording.span(
            "process user.created", 200 + n * 9, 208 + n * 9, send, service="mail", kind="consumer"
        )
        query(recording, 201 + n * 9, process, f"INSERT INTO sent VALUES ({n})")


@pytest.mark.parametrize(
    "draw",
    [
        near_miss_different_tables,
        near_miss_two_batches,
        near_miss_four_rows,
        near_miss_retries,
        near_miss_different_routes,
        near_miss_different_targets,
        near_miss_many_requests,
        near_miss_messages,
    ],
)
def test_what_only_looks_like_it_is_left_alone(draw: Any) -> None:
    recording, root = request()
    draw(recording, root)
    assert findings(recording) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE x = 1", "SELECT b FROM t WHERE x = 1"),
        ("SELECT a FROM t1", "SELECT a FROM t2"),
        ('SELECT "a" FROM t', 'SELECT "b" FROM t'),
        ("SELECT a FROM t WHERE x = 1", "SELECT a FROM t WHERE x > 1"),
        ("DELETE FROM t WHERE a IN (1)", "DELETE FROM t WHERE b IN (1)"),
        ("SELECT a::int", "SELECT a::text"),
        ('{"find": "users"}', '{"find": "orders"}'),
    ],
)
def test_different_statements_stay_different(one: str, other: str) -> None:
    assert normalise_statement(one, "postgresql") != normalise_statement(other, "postgresql")


@given(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_no_value_is_left_in_a_statement(text: str, number: int, share: float) -> None:
    quoted = text.replace("\\", "").replace("'", "''")
    statement = f"UPDATE t SET a = '{quoted}', b = {number}, c = {share} WHERE d IN ('{quoted}', {number})"
    assert normalise_statement(statement, "") == "update t set a=?,b=?,c=? where d in(?)"


@given(st.text())
def test_anything_can_be_normalised_and_once_is_enough(text: str) -> None:
    for system in ("", "mysql", "redis", "mongodb"):
        once = normalise_statement(text, system)
        assert isinstance(once, str)
    assert isinstance(normalise_path(text), str)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/users/42", "/v1/users/{id}"),
        ("/u/0af76519-16cd-43dd-8448-eb211c80319c/x", "/u/{id}/x"),
        ("/u/0af7651916cd43dd8448eb211c80319c?b=1&a=2", "/u/{id}?a&b"),
        ("/u/alice@example.com", "/u/{id}"),
        ("/v2/health", "/v2/health"),
        ("/oauth2/token", "/oauth2/token"),
        ("/a/facade", "/a/facade"),
    ],
)
def test_paths_keep_what_is_a_route(path: str, expected: str) -> None:
    assert normalise_path(path) == expected
