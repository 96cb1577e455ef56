"""What calls back what it is given, and drops the result."""

from __future__ import annotations

import ast

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


def given_back(node: ast.Call, name: str) -> list[ast.expr]:
    """Return what a call is given to call it back."""
    last = name.rpartition(".")[2]
    if last not in CALLBACKS:
        return []
    place = CALLBACKS[last]
    named = [word.value for word in node.keywords if word.arg in ("callback", "func")]
    return [*node.args[place : place + 1], *named]
