"""Every network call has a timeout.

Harm: one server that does not answer holds a worker for ever, then the next, until nothing answers.
Rule: connections and clients are made with an explicit timeout (the table below says which keyword), or inside
`asyncio.timeout(…)` or `asyncio.wait_for(…)`.
Fix: give the keyword; how long is a decision, and it belongs in the code.
Escape: none; P0.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

# What is called → one of these keywords (or that many positional arguments) bounds it.
BOUNDED: dict[str, tuple[tuple[str, ...], int]] = {
    "aiohttp.ClientSession": (("timeout",), 99),
    "aiosmtplib.send": (("timeout",), 99),
    "aiosmtplib.SMTP": (("timeout",), 99),
    "asyncio.open_connection": ((), 99),
    "asyncio.open_unix_connection": ((), 99),
    "asyncpg.connect": (("timeout",), 99),
    "asyncpg.create_pool": (("timeout",), 99),
    "ftplib.FTP": (("timeout",), 5),
    "http.client.HTTPConnection": (("timeout",), 3),
    "http.client.HTTPSConnection": (("timeout",), 3),
    "httpx.AsyncClient": (("timeout",), 99),
    "httpx.Client": (("timeout",), 99),
    "pymongo.AsyncMongoClient": (("serverSelectionTimeoutMS", "timeoutMS"), 99),
    "pymongo.MongoClient": (("serverSelectionTimeoutMS", "timeoutMS"), 99),
    "redis.Redis": (("socket_timeout",), 99),
    "redis.asyncio.Redis": (("socket_timeout",), 99),
    "redis.asyncio.from_url": (("socket_timeout",), 99),
    "redis.from_url": (("socket_timeout",), 99),
    "smtplib.SMTP": (("timeout",), 4),
    "socket.create_connection": (("timeout",), 2),
    "sqlalchemy.create_engine": (("connect_args", "creator"), 99),
    "sqlalchemy.ext.asyncio.create_async_engine": (("connect_args", "async_creator"), 99),
    "urllib.request.urlopen": (("timeout",), 3),
} | {
    f"{library}.{verb}": (("timeout",), 99)
    for library in ("requests", "httpx")
    for verb in ("get", "post", "put", "patch", "delete", "head", "request")
}
LIMITS = frozenset({"asyncio.timeout", "asyncio.timeout_at", "asyncio.wait_for"})


class Run02(Rule):
    """Network calls are bounded in time."""

    code = "RUN02"
    tier = Tier.P0
    title = "no network call without timeout"
    optional = True

    def wants(self, source: Source) -> bool:
        return source.path.startswith(("services/", "autional_cli/", "checks/"))

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at one call."""
        name = view.full_name(node.func)
        if name not in BOUNDED:
            return
        view.examined()
        keywords, positions = BOUNDED[name]
        given = {word.arg for word in node.keywords}
        if "sock" in given:  # connected already
            return
        if None in given or given & set(keywords) or len(node.args) >= positions or within_limit(view):
            return
        wanted = f"{keywords[0]}=…" if keywords else "asyncio.timeout(…) around it"
        view.report(node, f"{name} without a timeout: give {wanted}")


def within_limit(view: FileView) -> bool:
    """Whether a time limit is around the present node."""
    for parent in view.parents:
        if isinstance(parent, ast.AsyncWith) and any(is_limit(item.context_expr, view) for item in parent.items):
            return True
        if is_limit(parent, view):
            return True
    return False


def is_limit(node: ast.AST, view: FileView) -> bool:
    """Whether this is a call that limits time."""
    return isinstance(node, ast.Call) and view.full_name(node.func) in LIMITS
