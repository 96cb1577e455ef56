"""Literal texts of Python code, and under which name each is used: assigned, given, kept or compared."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from checks.bindings import text_of
from checks.facts.specs import name_of

if TYPE_CHECKING:
    from checks.facts import FileView

# What hands a text on as it is: the name outside is the name of the text.
HOLDERS = (ast.IfExp, ast.BoolOp, ast.List, ast.Tuple, ast.Set, ast.Starred, ast.Await, ast.JoinedStr, ast.Lambda)
WRAPPERS = re.compile(
    r"SecretStr|SecretBytes|str|bytes|cast|Password\w*|encode|strip|Field|field|b64encode|quote\w*|\w*[Cc]olumn"
)
# These are given a name and what to take where there is none.
DEFAULTS = frozenset({"getenv", "get", "setdefault", "setattr", "pop", "set", "putenv"})
METHODS = frozenset({"encode", "strip"})  # of the literal itself
KEPT = frozenset({"SecretStr", "SecretBytes"})
KEEPERS = frozenset({"default", "default_factory", "value", "secret_value", "fallback", None})
PAIRS = frozenset({"auth", "credentials", "basic_auth", "http_auth"})  # (user, password)
PLACEHOLDERS = frozenset({"string", "str", "text", "bearer", "basic", "none", "null", "required", "optional", "hidden"})
LABEL = re.compile(r"[^\W\d_]+(?:[\s.,:;!?'\u2019()/-]+[^\W\d_]+)*[\s.,:;!?'\u2019()\u2026-]*")
NOUN = re.compile(r"(pass|password|passwd|passphrase|pwd|secret|token|api_?key|credential)s?$")
WORD = re.compile(r"[^\W\d]+([.-][^\W\d]+)*")


def name_for(node: ast.Constant, view: FileView) -> tuple[str, ast.AST | None]:
    """Return the name under which a literal is used, and the node that says so; empty where nothing does."""
    inner: ast.AST = node
    among: ast.AST | None = None
    outer = view.names.above(node)
    wrapped = ""
    while outer is not None:
        if isinstance(outer, ast.Call):
            told = in_call(outer, inner)
            if told is not None:
                return told or wrapped, outer
            wrapped = wrapped or ("secret" if wrapper_of(outer) in KEPT else "")
        elif isinstance(outer, ast.keyword):
            if outer.arg in PAIRS and isinstance(among, ast.Tuple) and among.elts[-1] is node:
                return "password", outer
            if outer.arg not in KEEPERS:
                return str(outer.arg), among or outer
        elif not isinstance(outer, (*HOLDERS, ast.Attribute)):
            return wrapped or unpacked(outer, among, node) or named_by(outer, inner, view), among or outer
        among = outer if isinstance(outer, ast.List | ast.Tuple | ast.Set) else among
        inner, outer = outer, view.names.above(outer)
    return wrapped, None


def in_call(call: ast.Call, inner: ast.AST) -> str | None:
    """Return the name that a call's other argument gives to one, empty for none, None where the call hands it on."""
    wrapper = wrapper_of(call)
    if wrapper in METHODS and inner is not call.func:
        return ""
    if inner in call.args and wrapper in DEFAULTS and call.args.index(inner) > 0:
        return text_of(call.args[call.args.index(inner) - 1])
    return None if WRAPPERS.fullmatch(wrapper) else ""


def wrapper_of(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return (name_of(call.func) or getattr(call.func, "attr", "")).rpartition(".")[2]


def unpacked(outer: ast.AST, among: ast.AST | None, node: ast.expr) -> str:
    """Return the name of an element where both sides of an assignment are written out: `password, user = "x", "y"`."""
    if not isinstance(outer, ast.Assign) or not isinstance(among, ast.Tuple) or node not in among.elts:
        return ""
    targets = [each.elts for each in outer.targets if isinstance(each, ast.Tuple)]
    fits = bool(targets) and len(targets[0]) == len(among.elts)
    return target_name(targets[0][among.elts.index(node)]) if fits else ""


def named_by(outer: ast.AST, inner: ast.AST, view: FileView) -> str:
    """Return the name that a statement, a parameter, an entry or a comparison gives to an expression."""
    if isinstance(outer, ast.Assign):
        return next(filter(None, map(target_name, outer.targets)), "")
    if isinstance(outer, ast.Return):
        return getattr(view.names.scope_of(outer), "name", "")
    if isinstance(outer, ast.AnnAssign | ast.NamedExpr):
        return target_name(outer.target)
    if isinstance(outer, ast.Dict):
        return next((text_of(k) for k, v in zip(outer.keys, outer.values, strict=True) if v is inner and k), "")
    if isinstance(outer, ast.arguments):
        places = [*outer.posonlyargs, *outer.args]
        pairs = [
            *zip(places[::-1], outer.defaults[::-1], strict=False),
            *zip(outer.kwonlyargs, outer.kw_defaults, strict=True),
        ]
        return next((each.arg for each, value in pairs if value is inner), "")
    if isinstance(outer, ast.Compare) and all(isinstance(op, ast.Eq | ast.NotEq) for op in outer.ops):
        return next(filter(None, map(target_name, [outer.left, *outer.comparators])), "")
    return ""


def target_name(node: ast.AST) -> str:
    """Return the last name of a target; the key of an item."""
    if isinstance(node, ast.Subscript):
        return text_of(node.slice)
    return name_of(node).rpartition(".")[2]


def is_label(name: str, value: str, around: ast.AST | None) -> bool:
    """Whether a text is for a person to read: a sentence, a word with a capital in a mapping, one of several words.

    The name itself, or the name of a type, is a placeholder.
    """
    words = value.strip()
    if isinstance(around, ast.Compare) and WORD.fullmatch(words) and not NOUN.search(name.lower()):
        return True  # a question about something that only mentions secrets
    if words.lower() in PLACEHOLDERS or name.lower().endswith(words.lower()):
        return True
    if isinstance(around, ast.List | ast.Tuple | ast.Set) and WORD.fullmatch(words):
        return True  # names of fields and the like
    if not LABEL.fullmatch(words):
        return False
    return len(words.split()) > 1 or (isinstance(around, ast.Dict) and words[:1].isupper() and not words.isupper())
