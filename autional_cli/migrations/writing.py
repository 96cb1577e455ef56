"""Write a revision: what the models say, against what the service's revisions make of an empty database.

The live database is not looked at: what somebody changed there by hand is drift, and belongs into no revision. Alembic
finds what it can; what is left after its operations have run is found by the comparison of drift, and added as SQL.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from autional_cli.drift.enums import load_plugin
from autional_cli.drift.models import metadata_of
from autional_cli.drift.relational import compare_schema
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.apply import connected, upgrade
from autional_cli.migrations.casting import add_casts
from autional_cli.migrations.hints import flatten, review
from autional_cli.migrations.plan import revisions_dir
from autional_cli.migrations.scratch import scratch_database
from autional_cli.migrations.script import chain, heads, single_head

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

    from autional_cli.drift.model import Difference

FORMAT_S = 20
_LABEL_NOT_COMMITTED = "55P04"  # unsafe_new_enum_value_usage
_OPTIONS = {"compare_type": True, "compare_server_default": True}


@dataclass(frozen=True, slots=True)
class Written:
    """A revision that was written."""

    service: str
    revision: str
    path: Path
    hints: tuple[str, ...]
    before: tuple[Path, ...] = ()  # written too, because it has to be committed first


@dataclass(frozen=True, slots=True)
class Content:
    """The bodies of `upgrade` and `downgrade`, the imports they need, and what to review.

    `labels` are the enums that get labels; `rest` and `rest_down` are the bodies without these.
    """

    up: str
    down: str
    imports: tuple[str, ...]
    hints: tuple[str, ...]
    labels: tuple[Difference, ...] = ()
    rest: str = ""
    rest_down: str = ""

    def apart(self) -> list[Content]:
        """Return the labels in a revision of their own, and what may use them then."""
        about = tuple(f"{each.object}: a label is used only after it was committed" for each in self.labels)
        first = Content(_sql(self.labels, "mend"), _sql(reversed(self.labels), "undo") or "pass", (), about)
        return [first, Content(self.rest, self.rest_down, self.imports, self.hints)]


async def write_revision(root: Path, service: str, message: str, operator_url: str) -> Written | None:
    """Write `migrations/<service>/NNNN_slug.py`; None, and no file, if the models say nothing new.

    Raises AutionalError for a message without a word, for several heads, and if the server cannot be reached.
    """
    slug = "_".join(re.findall(r"[a-z0-9]+", message.lower()))[:40].strip("_")
    if not slug:
        raise AutionalError("the message needs a word", hint='-m "add a nickname"', exit_code=ExitCode.USAGE)
    single_head(root, service)
    metadata = metadata_of(root, service)
    load_plugin()
    async with scratch_database(operator_url) as url:
        await upgrade(root, service, url)
        content: Content | None = await connected(url, lambda connection: autogenerate(connection, metadata))
    if content is None:
        return None
    parts = [content]
    if content.labels:
        async with scratch_database(operator_url) as url:
            await upgrade(root, service, url)
            together = await connected(url, lambda connection: fits_one_transaction(connection, content))
        parts = [content] if together else content.apart()
    earlier: list[Path] = []
    for number, part in enumerate(parts, 1):
        step = " labels" if number < len(parts) else ""
        path, revision = _place(root, service, slug + step.replace(" ", "_"))
        found = heads(root, service)
        with path.open("x", encoding="utf-8") as file:
            file.write(render(part, message + step, revision, found[0] if found else None))
        tidy(path)
        earlier.append(path)
    return Written(service, revision, path, content.hints, tuple(earlier[:-1]))


def _place(root: Path, service: str, slug: str) -> tuple[Path, str]:
    """Return path and id of the next revision."""
    number = 1 + max((int(r.path.name[:4]) for r in chain(root, service) if r.path.name[:4].isdigit()), default=0)
    path = revisions_dir(root, service) / f"{number:04}_{slug}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, f"{service}_{number:04}"


def write_merge(root: Path, service: str, message: str = "merge") -> Written | None:
    """Write the revision that follows all heads and does nothing; None if there is one head."""
    found = heads(root, service)
    if len(found) < 2:
        return None
    slug = "_".join(re.findall(r"[a-z0-9]+", message.lower()))[:40].strip("_") or "merge"
    path, revision = _place(root, service, slug)
    hint = f"{' and '.join(found)} are both applied from here on, in any order"
    text = render(Content("pass", "pass", (), (hint,)), message, revision, found[0])
    with path.open("x", encoding="utf-8") as file:
        file.write(text.replace(f'down_revision = "{found[0]}"', f"down_revision = {found!r}"))
    tidy(path)
    return Written(service, revision, path, (hint,))


def fits_one_transaction(connection: Connection, content: Content) -> bool:
    """Whether a revision can be applied at once; a label of an enum may not be used before it is committed."""
    context = MigrationContext.configure(connection)
    try:
        for each in content.labels:
            for statement in _statements(each.mend):
                connection.exec_driver_sql(statement)
        _run(content.rest, list(content.imports), context)
    except DBAPIError as failure:
        if getattr(failure.orig, "sqlstate", "") != _LABEL_NOT_COMMITTED:
            raise
        return False
    finally:
        connection.rollback()
    return True


def autogenerate(connection: Connection, metadata: MetaData) -> Content | None:
    """Return what brings the database to `metadata` and back; None if there is nothing. It is applied on the way."""
    differences = compare_schema(connection, metadata)
    if not differences:
        return None
    enums = [d for d in differences if d.kind in ("enum_missing", "enum_labels")]
    _execute(connection, enums)
    context = MigrationContext.configure(connection, opts={**_OPTIONS, "target_metadata": metadata})
    script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    assert script.downgrade_ops is not None
    for container in (script.upgrade_ops, script.downgrade_ops):
        _without_enums(container)
        add_casts(flatten(container))
    imports: list[str] = []
    up, down = (_render_ops(container, context, imports) for container in (script.upgrade_ops, script.downgrade_ops))
    _run(up, imports, context)
    connection.commit()
    rest = compare_schema(connection, metadata)
    _execute(connection, rest)
    hints = review(flatten(script.upgrade_ops))
    hints += [f"{d.object}: {d.kind}, which Alembic does not compare, is SQL here" for d in (*enums, *rest)]
    hints += [f"{d.object}: still differs ({d.kind}); finish by hand" for d in compare_schema(connection, metadata)]
    labels = tuple(each for each in enums if each.kind == "enum_labels")
    new = [each for each in enums if each not in labels]
    rest_up = _joined(_sql(new, "mend"), up, _sql(rest, "mend"))
    rest_down = _joined(_sql(reversed(rest), "undo"), down, _sql(reversed(new), "undo"))
    return Content(
        up=_joined(_sql(labels, "mend"), rest_up if rest_up != "pass" else ""),
        down=_joined(rest_down if rest_down != "pass" else "", _sql(reversed(labels), "undo")),
        imports=tuple(sorted(set(imports))),
        hints=tuple(hints),
        labels=labels,
        rest=rest_up,
        rest_down=rest_down,
    )


def _run(code: str, imports: list[str], context: MigrationContext) -> None:
    """Run what was generated as it will stand in the file, on the scratch database."""
    names: dict[str, Any] = {"op": Operations(context), "sa": sqlalchemy, "postgresql": postgresql}
    exec("\n".join([*imports, code]), names)  # noqa: S102 - our own rendering of the workspace's own models


def _execute(connection: Connection, differences: list[Difference]) -> None:
    for each in differences:
        for statement in _statements(each.mend):
            connection.exec_driver_sql(statement)
    connection.commit()


def _statements(mend: str) -> list[str]:
    """Return the statements of a mend; a note to a person is none."""
    return [part for part in mend.split(";\n") if part and not part.startswith("--")]


def _without_enums(container: ops.OpContainer) -> None:
    """Remove the operations of the enum library: a revision must run where only Alembic is installed."""
    container.ops[:] = [op for op in container.ops if not type(op).__module__.startswith("alembic_postgresql_enum")]


def _render_ops(container: Any, context: MigrationContext, imports: list[str]) -> str:
    code = render_python_code(container, migration_context=context, imports=imports)
    lines = [line for line in textwrap.dedent("    " + code).splitlines() if not line.strip().startswith("# ###")]
    body = "\n".join(lines).strip()
    return "" if body == "pass" else body


def _sql(differences: Any, which: str) -> str:
    lines = []
    for each in differences:
        mend = getattr(each, which)
        lines += [f"op.execute({_literal(statement)})" for statement in _statements(mend)]
        lines += [line for line in mend.splitlines() if line.startswith("--")]
    return "\n".join(line.replace("-- ", "# ", 1) if line.startswith("--") else line for line in lines)


def _literal(statement: str) -> str:
    """Return a statement as Python; a colon before a word would be a parameter to SQLAlchemy."""
    return repr(re.sub(r"(?<!:):(?=\w)", r"\\:", statement))


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part) or "pass"


def render(content: Content, message: str, revision: str, down_revision: str | None) -> str:
    """Return the text of the revision file, in the style of the others."""
    summary = message.strip().replace('"', "'").replace("\\", "/")
    dialect = "postgresql." in content.up + content.down
    lines = [
        f'"""{summary[0].upper()}{summary[1:].rstrip(".")}."""',
        "",
        *(["import sqlalchemy as sa"] if "sa." in content.up + content.down else []),
        "from alembic import op",
        *(["from sqlalchemy.dialects import postgresql"] if dialect else []),
        *(line for line in content.imports if line and line != "from sqlalchemy.dialects import postgresql"),
        "",
        f'revision = "{revision}"',
        f'down_revision = "{down_revision}"' if down_revision else "down_revision = None",
        "branch_labels = None",
        "depends_on = None",
        "",
        "",
        "def upgrade() -> None:",
        f'    """{summary[0].upper()}{summary[1:].rstrip(".")}."""',
        *(line for hint in content.hints for line in _comment(hint)),
        textwrap.indent(content.up, "    "),
        "",
        "",
        "def downgrade() -> None:",
        '    """Undo it."""',
        textwrap.indent(content.down, "    "),
        "",
    ]
    return "\n".join(lines)


def _comment(hint: str) -> list[str]:
    return textwrap.wrap(f"review: {hint}", 112, initial_indent="    # ", subsequent_indent="    #   ")


def tidy(path: Path) -> None:
    """Format the file where ruff is installed; without it the file is correct, and less pretty."""
    program = Path(sysconfig.get_path("scripts")) / "ruff"
    if program.exists():
        for arguments in (("check", "--select", "I", "--fix", "--quiet"), ("format", "--quiet")):
            subprocess.run([program, *arguments, path], check=False, timeout=FORMAT_S, capture_output=True)  # noqa: S603
