"""The statement that reads a schema: family, parent (the table, or nothing), name, facts.

Members of extensions and Alembic's own table are left out. `:role` is the oid of the role that the service has: what
belongs to it reads `the service`, and `rights` are what it may do, whoever gave it.
"""

from __future__ import annotations

_RIGHTS = """CASE WHEN {has} THEN 'all' ELSE 'all but ' || (SELECT string_agg(word, ', ' ORDER BY word) FROM
    unnest(ARRAY[{names}]) word WHERE NOT {one}) END"""
_OWNER = "CASE {owner} WHEN :role THEN 'the service' ELSE pg_get_userbyid({owner})::text END"


def _rights(has: str, oid: str, *names: str) -> str:
    """Return the expression for what the role may do with the object `oid`; `has` is PostgreSQL's function for it."""
    listed = ", ".join(f"'{name}'" for name in names)
    every = " AND ".join(f"{has}(CAST(:role AS oid), {oid}, '{name}')" for name in names)
    return _RIGHTS.format(has=f"({every})", names=listed, one=f"{has}(CAST(:role AS oid), {oid}, word)")


def _owner(column: str) -> str:
    return _OWNER.format(owner=column)


_ON_TABLES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_FIRED = """CASE min(g.tgenabled) || max(g.tgenabled) WHEN 'OO' THEN 'enforced' ELSE 'not enforced: triggers are '
    || string_agg(DISTINCT CASE g.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'for replicas'
      WHEN 'A' THEN 'always' ELSE 'enabled' END, ', ') END"""
_ENABLED = "CASE {} WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END"

CATALOG = f"""
WITH relation AS MATERIALIZED (
  SELECT c.oid, c.relname AS name, c.relkind AS kind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
    c.relowner, c.reloptions, c.relispopulated, c.relpartbound FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname <> :version_table AND NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
), own_table AS (SELECT * FROM relation WHERE kind IN ('r', 'p', 'f'))
SELECT 'table' AS family, '' AS parent, r.name, jsonb_build_object('kind', r.kind,
  'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END,
  'row_security', CASE WHEN r.relrowsecurity THEN 'enabled' ELSE 'off' END
    || CASE WHEN r.relforcerowsecurity THEN ', forced' ELSE '' END,
  'inherits', concat_ws(' ', (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
    FROM pg_inherits i WHERE i.inhrelid = r.oid), pg_get_expr(r.relpartbound, r.oid),
    CASE r.kind WHEN 'p' THEN 'partition by ' || pg_get_partkeydef(r.oid) END),
  'comment', coalesce(obj_description(r.oid, 'pg_class'), ''),
  'role', {_owner("r.relowner")}, 'rights', {_rights("has_table_privilege", "r.oid", *_ON_TABLES)}) AS facts
FROM own_table r
UNION ALL
SELECT 'column', r.name, a.attname, jsonb_build_object(
  'type', format_type(a.atttypid, a.atttypmod),
  'nullable', CASE WHEN NOT a.attnotnull THEN 'null' WHEN EXISTS (SELECT FROM pg_constraint k
    WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated)
    THEN 'not null, not valid' ELSE 'not null' END,
  'default', CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
  'generated', CASE a.attgenerated WHEN '' THEN '' WHEN 's' THEN pg_get_expr(d.adbin, d.adrelid) || ' stored'
    ELSE pg_get_expr(d.adbin, d.adrelid) || ' virtual' END,
  'collation', CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text ELSE '' END,
  'comment', coalesce(col_description(a.attrelid, a.attnum), ''), 'enumerated', CASE t.typtype WHEN 'e' THEN 'yes' END,
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
SELECT CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' ELSE 'exclusion' END,
  r.name, k.conname,
  jsonb_build_object(CASE k.contype WHEN 'c' THEN 'body' ELSE 'definition' END, pg_get_constraintdef(k.oid))
FROM own_table r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('p', 'u', 'c', 'x')
UNION ALL
SELECT 'foreign_key', r.name, k.conname, jsonb_build_object('definition', pg_get_constraintdef(k.oid),
  'state', coalesce((SELECT {_FIRED} FROM pg_trigger g WHERE g.tgconstraint = k.oid), 'enforced'))
FROM own_table r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'f'
UNION ALL
SELECT 'index', r.name, c.relname, jsonb_build_object(
  'definition', pg_get_indexdef(i.indexrelid, 0, true),
  'state', CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN 'valid' ELSE 'invalid' END)
FROM relation r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'enum', '', t.typname, jsonb_build_object('role', {_owner("t.typowner")}, 'labels', coalesce((
  SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
  FROM pg_enum e WHERE e.enumtypid = t.oid), ''))
FROM pg_type t WHERE t.typnamespace = to_regnamespace(:schema) AND t.typtype = 'e' AND NOT EXISTS (
  SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
UNION ALL
SELECT 'domain', '', t.typname, jsonb_build_object('role', {_owner("t.typowner")}, 'definition', concat_ws(' ',
  format_type(t.typbasetype, t.typtypmod), 'DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN 'NOT NULL' END,
  (SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid, true)), ' ' ORDER BY k.conname)
   FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')))
FROM pg_type t WHERE t.typnamespace = to_regnamespace(:schema) AND t.typtype = 'd' AND NOT EXISTS (
  SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
UNION ALL
SELECT 'sequence', coalesce(own.name, ''), r.name, jsonb_build_object('definition', format(
  'as %s start with %s increment by %s minvalue %s maxvalue %s%s', format_type(s.seqtypid, NULL), s.seqstart,
  s.seqincrement, s.seqmin, s.seqmax, CASE WHEN s.seqcycle THEN ' cycle' ELSE ' no cycle' END),
  'owner', CASE WHEN a.attname IS NULL THEN '' ELSE format('%I.%I', own.name, a.attname) END,
  'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END,
  'role', {_owner("r.relowner")}, 'rights', {_rights("has_sequence_privilege", "r.oid", "USAGE", "SELECT", "UPDATE")})
FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
LEFT JOIN pg_depend b ON b.classid = 'pg_class'::regclass AND b.objid = r.oid AND b.deptype = 'a' AND b.refobjsubid > 0
LEFT JOIN own_table own ON own.oid = b.refobjid
LEFT JOIN pg_attribute a ON a.attrelid = own.oid AND a.attnum = b.refobjsubid
WHERE NOT EXISTS (
  SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = r.oid AND o.deptype = 'i')
UNION ALL
SELECT 'view', '', r.name, jsonb_build_object('definition', pg_get_viewdef(r.oid, true),
  'kind', CASE r.kind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
  'options', coalesce(array_to_string(r.reloptions, ', '), ''),
  'state', CASE WHEN r.relispopulated THEN 'readable' ELSE 'not populated' END,
  'role', {_owner("r.relowner")}, 'rights', {_rights("has_table_privilege", "r.oid", *_ON_TABLES)})
FROM relation r WHERE r.kind IN ('v', 'm')
UNION ALL
SELECT 'trigger', r.name, g.tgname, jsonb_build_object('definition', pg_get_triggerdef(g.oid, true),
  'state', {_ENABLED.format("g.tgenabled")})
FROM relation r JOIN pg_trigger g ON g.tgrelid = r.oid AND NOT g.tgisinternal
UNION ALL
SELECT 'rule', r.name, w.rulename, jsonb_build_object('definition', pg_get_ruledef(w.oid, true),
  'state', {_ENABLED.format("w.ev_enabled")})
FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
UNION ALL
SELECT 'policy', r.name, p.polname, jsonb_build_object('definition', concat_ws(' ',
  CASE WHEN p.polpermissive THEN 'AS PERMISSIVE' ELSE 'AS RESTRICTIVE' END,
  'FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
    ELSE 'ALL' END,
  'TO ' || (SELECT string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END, ', ')
    FROM unnest(p.polroles) o),
  'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
  'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'))
FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT 'function', '', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), jsonb_build_object(
  'body', p.prosrc, 'role', {_owner("p.proowner")},
  'definition', replace(pg_get_functiondef(p.oid), quote_ident(:schema) || '.', ''),
  'attributes', replace(replace(pg_get_functiondef(p.oid), quote_ident(:schema) || '.', ''), p.prosrc, ' … '),
  'rights', {_rights("has_function_privilege", "p.oid", "EXECUTE")})
FROM pg_proc p WHERE p.pronamespace = to_regnamespace(:schema) AND p.prokind IN ('f', 'p') AND NOT EXISTS (
  SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
"""  # noqa: S608 - put together from the constants above alone

# The role that a service is meant to have: whoever asks, or the database's owner when an operator asks.
ROLE = """
SELECT CASE WHEN r.rolsuper THEN d.datdba ELSE r.oid END::bigint AS expected, r.oid::bigint AS present
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""
