"""What lies around a service's schema and decides how it behaves: its role, its database, the schema's rights.

Expected is what provisioning makes of them (`resources/postgres_roles.py`); nothing here is declared by models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from autional_cli.drift.model import Difference
from autional_cli.resources.postgres_roles import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from sqlalchemy import Connection

OPERATOR = "operator"
# Settings of the server itself that make reads or writes behave otherwise, and what each has to be.
_SERVER = {
    "default_transaction_read_only": "off",
    "session_replication_role": "origin",
    "row_security": "on",
    "search_path": '"$user", public',
}
_ROLE = """
SELECT rolname AS name, rolcanlogin, rolsuper, rolbypassrls, rolinherit, rolreplication, rolcreatedb, rolcreaterole,
  rolconnlimit FROM pg_roles WHERE oid = :role
"""
# attribute → how provisioning leaves it, and what makes it so
_ATTRIBUTES = {
    "rolcanlogin": (True, "LOGIN"),
    "rolsuper": (False, "NOSUPERUSER"),
    "rolbypassrls": (False, "NOBYPASSRLS"),
    "rolinherit": (True, "INHERIT"),
    "rolreplication": (False, "NOREPLICATION"),
    "rolcreatedb": (False, "NOCREATEDB"),
    "rolcreaterole": (False, "NOCREATEROLE"),
    "rolconnlimit": (-1, "CONNECTION LIMIT -1"),
}
_SETTINGS = """
SELECT setrole <> 0 AS of_role, setdatabase <> 0 AS of_database, split_part(one, '=', 1) AS name,
  substr(one, strpos(one, '=') + 1) AS value
FROM pg_db_role_setting, unnest(setconfig) one
WHERE setrole IN (0, :role) AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY 1, 2, 3
"""
_SERVER_SETTINGS = """
SELECT name, reset_val AS value FROM pg_settings
WHERE name = ANY(:names) AND source IN ('configuration file', 'command line', 'global', 'environment variable')
"""
_AROUND = """
SELECT d.datname AS name, d.datconnlimit AS connections,
  has_database_privilege(CAST(:role AS oid), d.oid, 'CONNECT') AS connects,
  has_database_privilege(CAST(:role AS oid), d.oid, 'TEMPORARY') AS temporary,
  has_schema_privilege(CAST(:role AS oid), to_regnamespace('public')::oid, 'USAGE') AS uses,
  has_schema_privilege(CAST(:role AS oid), to_regnamespace('public')::oid, 'CREATE') AS creates
FROM pg_database d WHERE d.datname = current_database()
"""
_SCHEMAS = """
SELECT n.nspname AS name, n.nspowner = :role AS own FROM pg_namespace n
WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' AND NOT EXISTS (
  SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')
ORDER BY 1
"""
_EVENT_TRIGGERS = """
SELECT evtname AS name, evtevent AS event, evtenabled AS state, evtfoid::regproc::text AS function
FROM pg_event_trigger e WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass
  AND d.objid = e.oid AND d.deptype = 'e') ORDER BY 1
"""
_DEFAULT_RIGHTS = """
SELECT CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
  WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS what, coalesce(n.nspname, '') AS schema,
  defaclacl::text AS given,
  ARRAY(SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
    FROM aclexplode(defaclacl) a WHERE a.grantee <> :role ORDER BY 1) AS others
FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace WHERE defaclrole = :role ORDER BY 1, 2
"""
_quote = postgresql.dialect().identifier_preparer.quote_identifier  # type: ignore[no-untyped-call]


def compare_surroundings(
    connection: Connection, role: int, service: str, *, provisioned: bool = True
) -> Iterator[Difference]:
    """Yield in what role, database and schema differ from what provisioning makes of them.

    `provisioned=False` for a server that somebody else set up: limits of the role are not expected there. What a role
    of another name than the service's may do is its own affair.
    """

    def rows(query: str, **more: Any) -> list[Any]:
        given = {"role": role, **more}
        used = {key: value for key, value in given.items() if f":{key}" in query}
        return list(connection.execute(text(query), used))

    [found] = rows(_ROLE)
    [around] = rows(_AROUND)
    own = found.name == service
    if own:
        yield from _attributes(found)
    yield from _settings(rows(_SETTINGS), found.name, around.name, LIMITS if provisioned and own else {})
    yield from _server_settings(rows(_SERVER_SETTINGS, names=list(_SERVER)))
    yield from _rights(around, found.name)
    yield from _extras(rows, found.name)


def _attributes(found: Any) -> Iterator[Difference]:
    for name, (wanted, word) in _ATTRIBUTES.items():
        value = getattr(found, name)
        if value != wanted:
            mend = f"ALTER ROLE {_quote(found.name)} {word}"
            there = f"CONNECTION LIMIT {value}" if name == "rolconnlimit" else word.removeprefix("NO")
            there = f"NO{word}" if wanted is True else there
            yield Difference("role_attribute", found.name, word, there, mend, by=OPERATOR)


def _settings(rows: list[Any], role: str, database: str, limits: Mapping[str, str]) -> Iterator[Difference]:
    limited = {row.name: row.value for row in rows if row.of_role and not row.of_database}
    alter = f"ALTER ROLE {_quote(role)}"
    for name, value in limits.items():
        if limited.get(name) != value:
            shown = limited.get(name, "")
            yield Difference("role_setting", f"{role}.{name}", value, shown, f"{alter} SET {name} = '{value}'")
    for row in rows:
        if row.of_role and not row.of_database and row.name in LIMITS:
            continue
        where = f" IN DATABASE {_quote(database)}" if row.of_role and row.of_database else ""
        if row.of_role:
            mend = f"{alter}{where} RESET {_quote(row.name)}"
            yield Difference("role_setting", f"{role}.{row.name}", "", row.value, mend, by=_setter(row.name))
        else:
            mend = f"ALTER {f'DATABASE {_quote(database)}' if row.of_database else 'ROLE ALL'} RESET {_quote(row.name)}"
            by = _setter(row.name) if row.of_database else OPERATOR
            yield Difference("database_setting", f"{database}.{row.name}", "", row.value, mend, by=by)


def _setter(name: str) -> str:
    """Return who may reset a setting: one that only a superuser may set, or of an extension, takes the operator."""
    return OPERATOR if name == "session_replication_role" or "." in name else ""


def _server_settings(rows: list[Any]) -> Iterator[Difference]:
    for row in rows:
        if row.value != _SERVER[row.name]:
            mend = (
                f"-- autional down, take {row.name} out of the settings of postgres in the stack file, autional up;"
                "\n-- no statement changes what the server was started with"
            )
            yield Difference("server_setting", row.name, _SERVER[row.name], row.value, mend)


def _rights(around: Any, role: str) -> Iterator[Difference]:
    database, user = _quote(around.name), _quote(role)
    if not (around.connects and around.temporary):
        missing = " and ".join(
            w for w, has in (("CONNECT", around.connects), ("TEMPORARY", around.temporary)) if not has
        )
        mend = f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {user}"
        yield Difference("database_rights", around.name, "all", f"all but {missing}", mend)
    if around.connections != -1:
        mend = f"ALTER DATABASE {database} CONNECTION LIMIT -1"
        yield Difference("database_rights", around.name, "any number", f"{around.connections} connections", mend)
    if not (around.uses and around.creates):
        missing = " and ".join(word for word, has in (("USAGE", around.uses), ("CREATE", around.creates)) if not has)
        mend = f"GRANT USAGE, CREATE ON SCHEMA public TO {user}"
        yield Difference("schema_rights", "public", "all", f"all but {missing}", mend)


def _extras(rows: Any, role: str) -> Iterator[Difference]:
    for row in rows(_SCHEMAS):
        name = _quote(row.name)
        by = "" if row.own else OPERATOR
        yield Difference("schema_extra", row.name, "", "schema", f"DROP SCHEMA {name}", f"CREATE SCHEMA {name}", by=by)
    for row in rows(_EVENT_TRIGGERS):
        shown = f"on {row.event} execute {row.function}" + (" (disabled)" if row.state == "D" else "")
        yield Difference(
            "event_trigger_extra", row.name, "", shown, f"DROP EVENT TRIGGER {_quote(row.name)}", by=OPERATOR
        )
    for row in rows(_DEFAULT_RIGHTS):
        mend = ";\n".join(_usual_rights(row, _quote(role)))
        yield Difference("default_rights_extra", f"{role}.{row.what.lower()}", "", row.given, mend)


def _usual_rights(row: Any, role: str) -> Iterator[str]:
    """Yield what makes the rights on new objects the built-in ones again; PostgreSQL then forgets the entry."""
    where = f" IN SCHEMA {_quote(row.schema)}" if row.schema else ""
    start = f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{where}"
    yield f"{start} REVOKE ALL ON {row.what} FROM {', '.join([role, *row.others])}"
    if not where:
        yield f"{start} GRANT ALL ON {row.what} TO {role}"
        if row.what in ("FUNCTIONS", "TYPES"):
            yield f"{start} GRANT {'EXECUTE' if row.what == 'FUNCTIONS' else 'USAGE'} ON {row.what} TO PUBLIC"
