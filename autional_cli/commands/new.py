"""`autional new`: write a service that starts, is migrated, tested and passes every check at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP

if TYPE_CHECKING:
    from autional_cli.scaffold.change import Change
    from autional_cli.scaffold.design import Design

app = typer.Typer()


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The service: 2 to 20 of a-z and 0-9.")],
    database: Annotated[str, typer.Option(help="postgres, mongo or none.")] = "postgres",
    publishes: Annotated[list[str] | None, typer.Option(help="An event it publishes: NAME.verb. Repeatable.")] = None,
    consumes: Annotated[list[str] | None, typer.Option(help="An event it consumes. Repeatable.")] = None,
    calls: Annotated[list[str] | None, typer.Option(help="A service it calls. Repeatable.")] = None,
    resource: Annotated[str, typer.Option(help="What it owns, a noun in the singular.")] = "record",
    stack: Annotated[str, typer.Option(help="The file of stacks/ that it enters.")] = "full",
    port: Annotated[
        int | None, typer.Option(help="Its HTTP port in the default block; default: the next free.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show files and edits and write nothing.")] = False,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Write a service: its API, tables, migration, events, journey and tests; enter it in stack, map and audit.

    Either everything is written or nothing. A name that is planned (tenant, oauth, …) gets its reserved port.

    Examples: autional new loyalty --consumes user.created --publishes loyalty.earned --calls profile ·
    autional new press --database mongo --resource article · autional new wallet --dry-run
    """
    from autional_cli.scaffold.change import write
    from autional_cli.scaffold.design import Wish, settle
    from autional_cli.scaffold.documents import with_documents
    from autional_cli.scaffold.files import changes
    from autional_cli.workspace.locate import find_root

    if output not in ("table", "json"):
        raise AutionalError(f"unknown format {output!r}", hint="--format table or --format json")
    root = find_root()
    wish = Wish(
        name=name,
        database=database,
        resource=resource,
        publishes=tuple(publishes or ()),
        consumes=tuple(consumes or ()),
        calls=tuple(calls or ()),
        stack=stack,
        port=port,
    )
    design = settle(root, wish)
    planned = with_documents(root, changes(root, design))
    if not dry_run:
        write(root, planned)
    show(design, planned, output, dry_run=dry_run)


def show(design: Design, planned: list[Change], output: str, *, dry_run: bool) -> None:
    """Print what was written, or would be, and what to run next."""
    following = next_commands(design, planned)
    if output == "json":
        render.data(report(design, planned, following, dry_run=dry_run))
        return
    if dry_run:
        for change in planned:
            render.block(change.diff())
    render.table(("ACTION", "FILE", "LINES"), [(c.action, c.path, lines_of(c)) for c in planned])
    if dry_run:
        render.note("nothing was written")
        return
    first, last = design.first_code, design.first_code + 99
    render.out(f"{design.name} has port {design.port} and error codes {first} to {last}")
    for command in following:
        render.out(f"  next       {command}")


def lines_of(change: Change) -> str:
    """Return how many lines a new file has, or how many an edit adds and removes."""
    if change.before is None:
        return str(change.after.count("\n"))
    diff = [line for line in change.diff().splitlines() if not line.startswith(("+++", "---"))]
    return f"+{sum(line.startswith('+') for line in diff)} -{sum(line.startswith('-') for line in diff)}"


def next_commands(design: Design, planned: list[Change]) -> list[str]:
    """Return the three commands that a person runs now."""
    stack = "" if design.in_default else f" --stack {design.stack}"
    tests = " ".join(change.path for change in planned if change.path.startswith("tests/"))
    return [f"autional up{stack}", "autional smoke", f"pytest {tests}"]


def report(design: Design, planned: list[Change], following: list[str], *, dry_run: bool) -> dict[str, object]:
    """Return the result as JSON."""
    return {
        "schema": 1,
        "dry_run": dry_run,
        "service": {
            "name": design.name,
            "database": design.database,
            "port": design.port,
            "error_codes": [design.first_code, design.first_code + 99],
            "publishes": design.publishes,
            "consumes": design.consumes,
            "calls": [callee.service for callee in design.calls],
            "stack": design.stack,
        },
        "files": [
            {"path": c.path, "action": c.action, "lines": c.after.count("\n"), "diff": c.diff()} for c in planned
        ],
        "next": following,
    }
