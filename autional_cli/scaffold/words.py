"""Names: which are possible for a service, an event and a resource, and the forms that code and prose need of them."""

from __future__ import annotations

import builtins
import keyword
import re
import sys

from autional_cli.errors import AutionalError
from autional_cli.scaffold.taken import taken_by

SERVICE = re.compile(r"[a-z][a-z0-9]{1,19}")  # what the gateway routes, what a database and a role may be called
EVENT = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9_]{0,39}")
# fmt: off
PLATFORM = frozenset([
    "all", "cache", "chassis", "contracts", "docs", "guardian", "internal", "mailbox", "me", "migrations", "mongo",
    "objects", "openapi", "postgres", "redis", "services", "supervisor", "telemetry", "tests", "zygote",
])
# Resources whose module, class, field or variable would hide one that every service has.
CLASHING = frozenset([
    *dir(builtins), "annotated", "apply", "arrival", "base", "before", "body", "callable", "count", "created",
    "cursor", "database", "document", "domain", "dto", "envelope", "error", "event", "group", "handler", "header",
    "inbox", "index", "integer", "journey", "limit", "literal", "mapping", "model", "name", "note", "now", "outbox",
    "page", "peer", "query", "request", "router", "route", "row", "sequence", "service", "session", "statement",
    "status", "store", "summary", "text", "title", "unit", "user", "value", "version",
])
# fmt: on


def check_service(name: str) -> None:
    """Raise AutionalError unless `name` can be the name of a new service, whatever else exists."""
    if not SERVICE.fullmatch(name):
        taken = taken_by(name)
        raise AutionalError(
            f"{name!r} is {taken}"
            if taken
            else f"{name!r} cannot name a service: 2 to 20 of a-z and 0-9, beginning with a letter",
            hint="autional new loyalty",
        )
    if keyword.iskeyword(name):
        raise AutionalError(f"{name!r} is a keyword of Python and cannot name a package", hint="choose another name")
    if name in PLATFORM:
        raise AutionalError(f"{name!r} is a name of the platform itself", hint="choose another name")
    if name in sys.stdlib_module_names or name in sys.builtin_module_names:
        raise AutionalError(f"{name!r} is a module of Python's standard library", hint="choose another name")
    taken = taken_by(name)
    if taken:
        raise AutionalError(f"{name!r} is {taken}: a service of that name could not work", hint="choose another name")


def check_resource(word: str) -> None:
    """Raise AutionalError unless `word` can name what a service owns."""
    if not SERVICE.fullmatch(word) or keyword.iskeyword(word) or keyword.iskeyword(plural(word)):
        raise AutionalError(
            f"{word!r} cannot name a resource: a noun in the singular, 2 to 20 of a-z and 0-9",
            hint="autional new loyalty --resource reward",
        )
    taken = next(filter(None, (taken_by(each, schema=True) for each in (word, plural(word)))), "")
    if taken:
        raise AutionalError(f"--resource {word} is {taken}, and names a table", hint="choose a noun of the business")
    if word in CLASHING or plural(word) in CLASHING:
        raise AutionalError(
            f"--resource {word} would hide what the code of every service calls {word}",
            hint="choose a noun of the business",
        )


def check_event(kind: str, option: str) -> None:
    """Raise AutionalError unless `kind` has the form of an event type."""
    if not EVENT.fullmatch(kind):
        raise AutionalError(
            f"{option} {kind!r} is no event type: <service>.<what happened>, of a-z, 0-9 and _",
            hint=f"{option} user.created",
        )


def plural(word: str) -> str:
    """Return the plural of a regular noun."""
    if re.search(r"([^aeiou])y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


def with_article(word: str) -> str:
    """Return `word` after "a" or "an"."""
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def title_of(kind: str) -> str:
    """Return an event type as a title: `user.created` → `User created`."""
    return kind.replace(".", " ").replace("_", " ").capitalize()
