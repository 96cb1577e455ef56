"""What calls back what it is given, and drops the result."""

from __future__ import annotations

import ast
import re

# These call what they are given and drop what it returns: how many arguments come before it.
CALLBACKS = {
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "call_later": 1,
    "call_at": 1,
    "add_done_callback": 0,
    "add_signal_handler": 1,
    "signal": 1,
    "register": 0,
    "Timer": 1,
    "callback": 0,
}

# Whoever registers a function for an event drops what it returns, as far as anybody can tell.
REGISTERING = re.compile(r"^(on|on_\w+|subscribe|connect|listen|add_(listener|callback|handler)|set_callback)$")


def given_back(node: ast.Call, name: str) -> list[ast.expr]:
    """Return what a call is given to call it back."""
    last = name.rpartition(".")[2] or getattr(node.func, "attr", "")
    if REGISTERING.match(last):
        return [*node.args, *(word.value for word in node.keywords)]
    if last not in CALLBACKS:
        return []
    place = CALLBACKS[last]
    named = [word.value for word in node.keywords if word.arg in ("callback", "func")]
    return [*node.args[place : place + 1], *named]
