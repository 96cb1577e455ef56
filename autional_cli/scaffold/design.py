"""What a service is to be: the wish as it was typed, and the design that holds in this workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from autional_cli.block import FIRST_PORT, LAST_PORT
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.scaffold import words
from autional_cli.scaffold.callee import Callee, read_callee
from autional_cli.scaffold.reserved import CODES_EACH, FIRST_FREE_CODE, FIRST_FREE_PORT, LAST_CODE, RESERVED
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import DEFAULT_STACK, load_stack, read_chain
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

Database = Literal["postgres", "mongo", "none"]
DATABASES: tuple[Database, ...] = get_args(Database)
FORGETS = "user.deleted"  # the event after which nothing of a user may be left


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    name: str
    database: str = "postgres"
    resource: str = "record"
    publishes: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    stack: str = DEFAULT_STACK
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A service that fits into the workspace. `in_default` says that the default stack runs it too."""

    name: str
    database: Database
    resource: str
    publishes: tuple[str, ...]
    consumes: tuple[str, ...]
    calls: tuple[Callee, ...]
    stack: str
    in_default: bool
    port: int
    first_code: int


def settle(root: Path, wish: Wish) -> Design:
    """Return the design for a wish. Raises AutionalError, exit 2 or 3, for what cannot be; nothing is written."""
    known = discover(root)
    check_name(root, wish, known)
    words.check_resource(wish.resource)
    check_database(wish)
    stack = load_stack(root, wish.stack, known)
    check_published(wish, known)
    check_consumed(wish, known)
    check_calls(wish, known, stack)
    database = next(kind for kind in DATABASES if kind == wish.database)
    names = tuple(dict.fromkeys(wish.calls))
    return Design(
        name=wish.name,
        database=database,
        resource=wish.resource,
        publishes=tuple(dict.fromkeys(wish.publishes)),
        consumes=tuple(dict.fromkeys(wish.consumes)),
        calls=tuple(read_callee(root, name, set(known) - {"gateway"}) for name in names),
        stack=wish.stack,
        in_default=wish.stack in chain(root, known),
        port=free_port(wish, known),
        first_code=free_codes(wish.name, known),
    )


def chain(root: Path, known: Mapping[str, ServiceSpec]) -> set[str]:
    """Return the default stack and those it extends: what is added to one of them, the default stack runs."""
    return {layer.path.stem for layer in read_chain(root, DEFAULT_STACK, known)}


def check_name(root: Path, wish: Wish, known: Mapping[str, ServiceSpec]) -> None:
    """Raise for a name that is taken, or whose files are there already."""
    if wish.name in known:
        raise AutionalError(
            f"there is a service {wish.name!r} already: services/{wish.name}",
            hint=f"choose another name, or look at it: autional why {wish.name}",
        )
    owner = next((s.name for s in known.values() for e in s.publishes if e.partition(".")[0] == wish.name), None)
    if owner:
        raise AutionalError(
            f"events {wish.name}.* belong to {owner}; a service of that name could publish none of its own",
            hint="choose another name",
        )
    words.check_service(wish.name)
    name = wish.name
    files = (f"tests/services/test_{name}.py", f"tests/platform/test_{name}.py")
    for path in (root / "services" / name, root / "migrations" / name, *(root / file for file in files)):
        if path.is_file() or (path.is_dir() and any(each.name != "__pycache__" for each in path.iterdir())):
            raise AutionalError(
                f"{path.relative_to(root)} is there already and would be written over",
                hint=f"look at it, and move it away: git status {path.relative_to(root)}",
                exit_code=ExitCode.CONFIGURATION,
            )


def check_database(wish: Wish) -> None:
    """Raise for a database that does not exist, or that cannot do what is asked of it."""
    if wish.database not in DATABASES:
        raise AutionalError(
            f"unknown database {wish.database!r}{suggest(wish.database, DATABASES)}", hint="--database postgres"
        )
    if wish.publishes and wish.database != "postgres":
        raise AutionalError(
            f"--publishes needs --database postgres: events leave through an outbox that shares the transaction of "
            f"what they tell, and --database {wish.database} has none",
            hint=f"autional new {wish.name} --database postgres --publishes {wish.publishes[0]}",
        )
    if wish.database == "none" and FORGETS in wish.consumes and set(wish.consumes) == {FORGETS}:
        raise AutionalError(
            f"--consumes {FORGETS} with --database none: there is nothing to forget",
            hint=f"leave out --consumes {FORGETS}, or give it a database",
        )


def check_published(wish: Wish, known: Mapping[str, ServiceSpec]) -> None:
    """Raise for an event that is not this service's to publish."""
    owners = {kind: spec.name for spec in known.values() for kind in spec.publishes}
    for kind in wish.publishes:
        words.check_event(kind, "--publishes")
        if kind in owners:
            raise AutionalError(f"{kind} is published by {owners[kind]} already", hint="an event has one owner")
        if kind.partition(".")[0] != wish.name:
            raise AutionalError(
                f"--publishes {kind}: a service publishes under its own name",
                hint=f"--publishes {wish.name}.{kind.partition('.')[2]}",
            )


def check_consumed(wish: Wish, known: Mapping[str, ServiceSpec]) -> None:
    """Raise for an event that nobody publishes."""
    published = {kind for spec in known.values() for kind in spec.publishes}
    for kind in wish.consumes:
        words.check_event(kind, "--consumes")
        if kind in wish.publishes:
            raise AutionalError(
                f"{wish.name} would consume {kind}, which it publishes itself: each would bring the next",
                hint=f"leave out --consumes {kind}",
            )
        if kind not in published:
            raise AutionalError(
                f"nobody publishes {kind!r}{suggest(kind, published)}",
                hint="event types are in `publishes` of a SPEC: grep -A9 publishes= services/*/service.py",
            )


def check_calls(wish: Wish, known: Mapping[str, ServiceSpec], stack: Stack) -> None:
    """Raise for a call to a service that is unknown, absent from the stack, the edge, or the caller itself."""
    for name in wish.calls:
        if name == wish.name:
            raise AutionalError(
                f"services would call each other in a circle: {name} → {name}", hint=f"leave out --calls {name}"
            )
        if name not in known:
            raise AutionalError(f"there is no service {name!r} to call{suggest(name, known)}", hint="autional ps")
        if name == "gateway":
            raise AutionalError("the gateway is called from outside only", hint="call the service behind it")
        if name not in stack.services:
            raise AutionalError(
                f"stack {stack.name} has no {name}, which {wish.name} would call",
                hint=f"--stack {DEFAULT_STACK}, or add {name} to stacks/{stack.name}.yaml",
                exit_code=ExitCode.CONFIGURATION,
            )


def free_port(wish: Wish, known: Mapping[str, ServiceSpec]) -> int:
    """Return the port of the new service: the one asked for, else the reserved one, else the first free."""
    taken = {spec.port: spec.name for spec in known.values()}
    taken |= {place.port: name for name, place in RESERVED.items() if name != wish.name}
    if wish.port is not None:
        if not FIRST_PORT <= wish.port <= LAST_PORT:
            raise AutionalError(
                f"--port {wish.port} is not within {FIRST_PORT} to {LAST_PORT}", hint="leave out --port"
            )
        if wish.port in taken:
            raise AutionalError(f"--port {wish.port} belongs to {taken[wish.port]}", hint="leave out --port")
        return wish.port
    reserved = RESERVED.get(wish.name)
    first = reserved.port if reserved else FIRST_FREE_PORT
    candidates: tuple[int, ...] = (first, *range(FIRST_FREE_PORT, LAST_PORT + 1))
    for port in candidates:
        if port not in taken:
            return port
    raise AutionalError(
        f"no port is left: {FIRST_FREE_PORT} to {LAST_PORT} are all taken",
        hint="a block of ports has room for 32 services; see autional_cli/block.py",
        exit_code=ExitCode.CONFIGURATION,
    )


def free_codes(name: str, known: Mapping[str, ServiceSpec]) -> int:
    """Return the first error number of the new service."""
    taken = [spec.error_codes for spec in known.values()]
    reserved = RESERVED.get(name)
    starts = range(FIRST_FREE_CODE, LAST_CODE, CODES_EACH)
    for start in (reserved.first_code, *starts) if reserved else starts:
        if not any(codes.start < start + CODES_EACH and start < codes.stop for codes in taken):
            return start
    raise AutionalError(
        f"no range of error codes is left: {FIRST_FREE_CODE} to {LAST_CODE} are all taken",
        hint="see autional_cli/scaffold/reserved.py",
        exit_code=ExitCode.CONFIGURATION,
    )
