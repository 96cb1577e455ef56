"""Everything that one schema of a database holds, as PostgreSQL itself prints it.

Two schemas are read by the same statement, so equal things read equal: PostgreSQL has parsed, stored and printed both.
Names of relations and types are printed without their schema if it is on the search path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

VERSION_TABLE = "alembic_version"

# family, parent (the table, or nothing), name, facts. Members of extensions and Alembic's own table are left out.
_CATALOG = """
WITH relation AS MATERIALIZED (
  SELECT c.oid, c.relname AS name, c.relkind AS kind FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname <> :version_table AND NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
), own_table AS (SELECT * FROM relation WHERE kind IN ('r', 'p', 'f'))
SELECT 'table' AS family, '' AS parent, name, jsonb_build_object('kind', kind) AS facts FROM own_table
UNION ALL
SELECT 'column', r.name, a.attname, jsonb_build_object(
  'type', format_type(a.atttypid, a.atttypmod),
  'nullable', CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
  'default', CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
  'generated', CASE a.attgenerated WHEN '' THEN '' WHEN 's' THEN pg_get_expr(d.adbin, d.adrelid) || ' stored'
    ELSE pg_get_expr(d.adbin, d.adrelid) || ' virtual' END,
  'collation', CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text ELSE '' END,
  'identity', CASE a.attidentity WHEN '' THEN '' WHEN 'a' THEN 'always ' ELSE 'by default ' END || coalesce((
    SELECT format('(start with %s increment by %s minvalue %s maxvalue %s%s)', s.seqstart, s.seqincrement, s.seqmin,
      s.seqmax, CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END)
    FROM pg_depend o JOIN pg_sequence s ON s.seqrelid = o.objid
    WHERE o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype = 'i'
      AND o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass), ''))
FROM own_table r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
UNION ALL
SELECT CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check'
  WHEN 'f' THEN 'foreign_key' ELSE 'exclusion' END, r.name, k.conname,
  jsonb_build_object(CASE k.contype WHEN 'c' THEN 'body' ELSE 'definition' END, pg_get_constraintdef(k.oid))
FROM own_table r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x')
UNION ALL
SELECT 'index', r.name, c.relname, jsonb_build_object(
  'definition', pg_get_indexdef(i.indexrelid, 0, true), 'state', CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END)
FROM relation r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'enum', '', t.typname, jsonb_build_object('labels', (
  SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
  FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t WHERE t.typnamespace = to_regnamespace(:schema) AND t.typtype = 'e' AND NOT EXISTS (
  SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
UNION ALL
SELECT 'sequence', coalesce(own.name, ''), r.name, jsonb_build_object('definition', format(
  'as %s start with %s increment by %s minvalue %s maxvalue %s%s', format_type(s.seqtypid, NULL), s.seqstart,
  s.seqincrement, s.seqmin, s.seqmax, CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END), 'owner', coalesce(a.attname, ''))
FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
LEFT JOIN pg_depend b ON b.classid = 'pg_class'::regclass AND b.objid = r.oid AND b.deptype = 'a' AND b.refobjsubid > 0
LEFT JOIN own_table own ON own.oid = b.refobjid
LEFT JOIN pg_attribute a ON a.attrelid = own.oid AND a.attnum = b.refobjsubid
WHERE NOT EXISTS (
  SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = r.oid AND o.deptype = 'i')
UNION ALL
SELECT 'view', '', r.name, jsonb_build_object('definition', pg_get_viewdef(r.oid, true),
  'kind', CASE r.kind WHEN 'm' THEN 'materialized view' ELSE 'view' END)
FROM relation r WHERE r.kind IN ('v', 'm')
UNION ALL
SELECT 'trigger', r.name, g.tgname, jsonb_build_object('definition', pg_get_triggerdef(g.oid, true))
FROM relation r JOIN pg_trigger g ON g.tgrelid = r.oid AND NOT g.tgisinternal
UNION ALL
SELECT 'function', '', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), jsonb_build_object(
  'body', p.prosrc, 'definition', replace(pg_get_functiondef(p.oid), quote_ident(:schema) || '.', ''))
FROM pg_proc p WHERE p.pronamespace = to_regnamespace(:schema) AND p.prokind = 'f' AND NOT EXISTS (
  SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
"""


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a schema. `parent` is its table, or empty; `facts` are what can differ."""

    family: str
    parent: str
    name: str
    facts: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same object on both sides."""
        return (self.family, self.parent, self.name)

    @property
    def object(self) -> str:
        """Its name as a person writes it."""
        return f"{self.parent}.{self.name}" if self.parent else self.name


Snapshot = dict[tuple[str, str, str], Item]


def read(connection: Connection, schema: str) -> Snapshot:
    """Return everything in `schema`; the search path decides how names are printed."""
    rows = connection.execute(text(_CATALOG), {"schema": schema, "version_table": VERSION_TABLE})
    items = [Item(row.family, row.parent, row.name, _decoded(row.facts)) for row in rows]
    return {item.key: item for item in items}


def _decoded(facts: Any) -> Mapping[str, str]:
    return json.loads(facts) if isinstance(facts, str) else facts  # type: ignore[no-any-return]
