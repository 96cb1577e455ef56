"""SQL is taken apart as PostgreSQL does it, however a schema change is wrapped."""

from __future__ import annotations

import pytest

from checks.statements import statements, unfolded

ALTER = "ALTER TABLE users DROP COLUMN name"


@pytest.mark.parametrize(
    "sql",
    [
        f"DO $$ BEGIN {ALTER}; END $$",
        f"do $x$ begin {ALTER}; end $x$ language plpgsql",
        f"DO LANGUAGE 'plpgsql' $$BEGIN {ALTER}; END$$",
        f"DO 'BEGIN {ALTER}; END'",
        f"DO E'BEGIN\\n{ALTER};\\nEND'",
        f"DO $$ DECLARE a int := 1; BEGIN IF a = 1 THEN {ALTER}; END IF; END $$",
        f"DO $$ BEGIN IF EXISTS (SELECT CASE WHEN a THEN 1 ELSE 2 END) THEN {ALTER}; END IF; END $$",
        f"DO $$ BEGIN IF a THEN NULL; ELSIF b THEN NULL; ELSE {ALTER}; END IF; END $$",
        f"DO $$ BEGIN FOR i IN 1..3 LOOP {ALTER}; END LOOP; END $$",
        f"DO $$ BEGIN << here >> BEGIN {ALTER}; END; END $$",
        f"DO $$ BEGIN NULL; EXCEPTION WHEN others THEN {ALTER}; END $$",
        f"DO $$ BEGIN EXECUTE '{ALTER}'; END $$",
        f"DO $$ BEGIN EXECUTE $q${ALTER}$q$ USING 'a', 'b'; END $$",
        f"DO $$ BEGIN IF a = 'x' THEN EXECUTE '{ALTER}'; END IF; END $$",
        f"DO $a$ BEGIN EXECUTE 'DO $b$ BEGIN {ALTER}; END $b$'; END $a$",
        f"CREATE OR REPLACE FUNCTION f() RETURNS void AS $$ BEGIN {ALTER}; END $$ LANGUAGE plpgsql; SELECT f()",
        f"CREATE PROCEDURE p() LANGUAGE sql AS '{ALTER}'",
        f"/* ; /* ; */ '*/ DO $$ BEGIN {ALTER}; END $$",
    ],
)
def test_a_schema_change_is_found_wherever_it_stands(sql: str) -> None:
    found, hidden = unfolded(sql)
    assert hidden == []
    assert f"\n{ALTER};\n" in f"\n{found}"


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN EXECUTE format('ALTER TABLE %I DROP COLUMN a', t); END $$",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE ' || t; END $$",
        "DO $$ BEGIN EXECUTE command; END $$",
        "DO $$ BEGIN IF a = 'SELECT' THEN EXECUTE command; END IF; END $$",
        "DO LANGUAGE plpython3u $$ plpy.execute('ALTER TABLE a') $$",
        "CREATE FUNCTION f() RETURNS void LANGUAGE 'c' AS 'library', 'f'",
    ],
)
def test_what_only_running_would_tell_is_named(sql: str) -> None:
    assert len(unfolded(sql)[1]) == 1


@pytest.mark.parametrize(
    "sql",
    [
        f"DO $$ BEGIN RAISE NOTICE '{ALTER}'; END $$",
        f"DO $$ BEGIN /* {ALTER}; */ NULL; -- {ALTER};\n END $$",
        f"DO $$ BEGIN INSERT INTO log VALUES ('; {ALTER};'); END $$",
        "DO $$ BEGIN EXECUTE format('SELECT count(*) FROM %I', t) INTO n; END $$",
        "DO $$ BEGIN UPDATE t SET a = CASE WHEN b THEN 1 ELSE 2 END WHERE a IN (1, 2); END $$",
    ],
)
def test_what_is_only_spoken_of_is_no_change(sql: str) -> None:
    assert unfolded(sql) == ("", [])


def test_statements_end_where_postgresql_ends_them() -> None:
    sql = "SELECT ';' , \";\", $$;$$, $a$ $$;$$ $a$, E'\\';', U&';' -- ;\n/* ; */; SELECT 'it''s;'; "
    assert [one.text.split()[0] for one in statements(sql)] == ["SELECT", "SELECT"]
    assert all(len(one.text) == len(one.plain) for one in statements(sql))
