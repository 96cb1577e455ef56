"""No blocking call in async code.

Harm: one blocked event loop stops every request of that process, its health checks and its drain.
Rule: no blocking HTTP, file, process or sleep call inside `async def`, under whatever name [ruff ASYNC for those that
are called by their own]; in services, none in a function that async code calls, in the same file or another.
Not seen: what a property, an operator or a method of an object of unknown class does; sockets, of which nobody can tell
whether they block; functions under a decorator of somebody else, which may run them in a thread.
Fix: use the asynchronous API, or `asyncio.to_thread`.
Escape: none; P0. What ruff cannot see to be harmless is moved to `asyncio.to_thread`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from checks.callbacks import given_back
from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import is_ours, position
from checks.sources import Source
from checks.tools.ruff import FOLDERS, RuffRule

BLOCKING = frozenset(
    {"time.sleep", "open", "io.open", "builtins.open", "input", "builtins.input", "urllib.request.urlopen"}
    | {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput")}
    | {"subprocess.getstatusoutput", "os.system", "os.popen", "os.wait", "os.waitpid", "os.wait3", "os.wait4"}
    | {f"os.spawn{name}" for name in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")}
    | {f"requests.{name}" for name in ("get", "post", "put", "patch", "delete", "head", "request", "Session().get")}
    | {f"httpx.{name}" for name in ("get", "post", "put", "patch", "delete", "head", "request", "stream")}
    | {f"httpx.Client().{name}" for name in ("get", "post", "put", "patch", "delete", "head", "request", "send")}
    | {f"requests.Session().{name}" for name in ("post", "put", "patch", "delete", "head", "request", "send")}
    | {"socket.create_connection", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
    | {"smtplib.SMTP", "smtplib.SMTP_SSL", "psycopg2.connect", "psycopg.connect", "pathlib.Path().open"}
    | {"threading.Event().wait", "queue.Queue().get"}
)
# Methods of a loop that call what they are given on the loop.
ON_LOOP = frozenset({"call_soon", "call_soon_threadsafe", "call_later", "call_at", "add_done_callback"})
LEVELS = 3  # helpers of helpers
PLAIN = frozenset({"staticmethod", "classmethod", "property", "override", "cache", "lru_cache", "contextmanager"})


class Run01(RuffRule):
    """No blocking call in async code; ruff looks, and what it cannot follow is followed here."""

    code = "RUN01"
    tier = Tier.P0
    title = "no blocking call in async code"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(FOLDERS) and not source.path.startswith("services/contracts/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note what blocks, and who calls whom."""
        name = view.names.called(node)
        for each in given_back(node, name) if name.rpartition(".")[2] in ON_LOOP else ():
            called = view.full_name(each)
            if called in BLOCKING or (is_ours(called) and view.path.startswith("services/")):
                view.note({"waits" if called in BLOCKING else "calls": called, **position(view, node)})
        blocks = name in BLOCKING
        if not blocks and not is_ours(name):
            return
        scope = view.scope
        if isinstance(scope, ast.AsyncFunctionDef) and (blocks or view.path.startswith("services/")):
            view.note({"waits" if blocks else "calls": name, **position(view, node)})
        elif view.path.startswith("services/") and isinstance(scope, ast.FunctionDef | ast.Lambda) and is_plain(scope):
            view.note({"in": view.names.path_of(scope), "blocks" if blocks else "to": name})

    def judge(self, project: Project) -> Iterator[Finding]:
        seen = set()
        for one in super().judge(project):
            seen.add((one.path, one.line))
            yield one
        notes = list(project.notes(self.code))
        why = blocking(project, [note for _, note in notes if "in" in note])
        for path, note in notes:
            name = note.get("waits") or project.names.function(note.get("calls", ""))
            tried = [each for one in project.names.functions(name) for each in (one, f"{one}.__init__")]
            told = name if "waits" in note else next(filter(None, map(why.get, tried)), None)
            if told and "in" not in note and (path, note["line"]) not in seen:
                seen.add((path, note["line"]))
                message = f"{told} blocks the event loop" if name == told else f"{name} blocks the event loop: {told}"
                yield self.finding(path, note["line"], message, symbol=note["symbol"])


def is_plain(scope: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether a function runs where it is called, as far as its decorators say."""
    decorators = getattr(scope, "decorator_list", [])
    names = [ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in decorators]
    return all(name.rpartition(".")[2] in PLAIN for name in names)


def blocking(project: Project, notes: list[dict[str, Any]]) -> dict[str, str]:
    """Return the functions that block, directly or through others, and what in them does."""
    found: dict[str, str] = {}
    callers: dict[str, list[str]] = defaultdict(list)
    for note in notes:
        if "blocks" in note:
            found.setdefault(note["in"], note["blocks"])
        else:
            for name in project.names.functions(note["to"]):
                callers[name].append(note["in"])
    level = list(found)
    for _ in range(LEVELS):
        reached = [(name, each) for name in level for each in callers[name] + callers[name.removesuffix(".__init__")]]
        level = [each for _, each in reached if each not in found]
        for name, each in reached:
            found.setdefault(each, found[name])
    return found
