"""SQL as PostgreSQL takes it apart: statements, texts, comments, and the bodies of blocks and functions.

Lexical rules: PostgreSQL 18, chapter 4.1; blocks and their control words: PL/pgSQL, chapters 41.2 and 41.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*)
    |(?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$)
    |(?P<escape>[eE]'(?:[^'\\]|''|\\.)*(?:'|$))
    |(?P<text>(?:[uU]&|[nN])?'(?:[^']|'')*(?:'|$))
    |(?P<name>"(?:[^"]|"")*(?:"|$))
    |(?P<end>;)
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)""",
    re.VERBOSE | re.DOTALL,
)
NESTED = re.compile(r"/\*|\*/")
# After these words, and a label, a statement of a body may begin.
BEFORE = re.compile(r"(?i)\b(?:BEGIN|THEN|ELSE|LOOP|IN)\b|>>")
CHANGING = re.compile(r"(?i)\s*(?:ALTER|CREATE|DROP|TRUNCATE|LOCK|REINDEX|CLUSTER|REFRESH|VACUUM|COMMENT|SET)\b")
BODY = re.compile(r"(?i)\s*(?:DO\b|CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b)")
BLOCK = re.compile(r"(?i)\s*DO\b")
LANGUAGE = re.compile(r"(?i)\bLANGUAGE\s+(?P<name>\w+|\"\w+\"|'')")
EXECUTE = re.compile(r"(?is)\s*EXECUTE\b(?P<what>.*)")
ONE_TEXT = re.compile(r"(?is)''\s*(?:(?:INTO|USING)\b.*)?")
QUERY = re.compile(r"(?is)\s*(?:SELECT|EXPLAIN|SHOW|INSERT|UPDATE|DELETE|VALUES)\b")
READABLE = frozenset({"plpgsql", "sql"})
DEEPEST = 6  # texts that hold statements, one in another


@dataclass(slots=True)
class Statement:
    """One statement. `plain` is as long, with comments blank and `''` for a text; `texts` are what the texts say."""

    text: str
    plain: str
    texts: list[str] = field(default_factory=list)

    def texts_from(self, at: int) -> list[str]:
        """Return the texts after a position."""
        return self.texts[len(self.texts) - self.plain.count("''", at) :]


def statements(sql: str) -> Iterator[Statement]:
    """Yield the statements of a script, without their semicolons."""
    start, at, plain = 0, 0, ""
    texts: list[str] = []
    for begin, end, kind, value in tokens(sql):
        plain += sql[at:begin]
        at = end
        if kind == "end":
            yield Statement(sql[start:begin], plain, texts)
            start, plain, texts = end, "", []
        elif kind == "word":
            plain += value
        elif kind == "name":
            plain += value.replace("'", "_")
        else:
            plain += ("''" if kind == "text" else "").ljust(end - begin)
            texts += [value] if kind == "text" else []
    if sql[start:].strip():
        yield Statement(sql[start:], plain + sql[at:], texts)


def tokens(sql: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield `(begin, end, kind, value)` of comments, texts, quoted names, words and semicolons."""
    at = 0
    while found := TOKEN.search(sql, at):
        kind, end, value = found.lastgroup or "", found.end(), found[0]
        if value == "/*":
            end = comment_end(sql, end)
        elif kind == "dollar":
            close = sql.find(value, end)
            close = len(sql) if close < 0 else close
            kind, value, end = "text", sql[end:close], min(close + len(value), len(sql))
        elif kind == "text":
            value = value[value.index("'") + 1 :].removesuffix("'").replace("''", "'")
        elif kind == "escape":
            kind, value = "text", unescaped(value[2:].removesuffix("'").replace("''", "'"))
        yield found.start(), end, kind, value
        at = end


def comment_end(sql: str, at: int) -> int:
    """Return where a comment ends; they nest."""
    depth = 1
    for found in NESTED.finditer(sql, at):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    return len(sql)


def unescaped(text: str) -> str:
    """Return what a text with backslashes stands for, as far as it matters: lines, spaces, and the character itself."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text, flags=re.DOTALL)


def unfolded(sql: str, depth: int = 0) -> tuple[str, list[str]]:
    """Return a script with schema changes of blocks, functions and EXECUTE in their place, and what hides its own."""
    out: list[str] = []
    hidden: list[str] = []
    for one in statements(sql):
        if not BODY.match(one.plain):
            out.append(one.text)
            continue
        if not BLOCK.match(one.plain):
            out.append(one.text)
        language = language_of(one)
        if language not in READABLE:
            hidden.append(f"a body in {language}: {short(one.text)}")
            continue
        for body in one.texts:
            inner, more = opened(body, depth + 1)
            out += inner
            hidden += more
    return "".join(f"{each.strip()};\n" for each in out if each.strip()), hidden


def language_of(one: Statement) -> str:
    """Return the language of a body."""
    found = LANGUAGE.search(one.plain)
    if not found:
        return "plpgsql" if BLOCK.match(one.plain) else "sql"
    quoted = one.texts_from(found.start())[:1] if found["name"] == "''" else [found["name"]]
    return quoted[0].strip('"').lower()


def opened(body: str, depth: int) -> tuple[list[str], list[str]]:
    """Return the schema changes in a body, and what hides its own."""
    out: list[str] = []
    hidden: list[str] = []
    for one in statements(body):
        at = beginning(one.plain)
        if at is None:
            continue
        found = EXECUTE.match(one.plain, at)
        text = one.text[at:].strip()
        if found is None and not BODY.match(one.plain, at):
            out.append(text)
            continue
        parts = one.texts_from(found.start("what")) if found else [text]
        if found and not ONE_TEXT.fullmatch(found["what"].strip()):
            if not (parts and QUERY.match(parts[0])):
                hidden.append(f"a text that is made when it runs: {short(text)}")
            continue
        if depth >= DEEPEST:
            hidden.append(f"texts in texts: {short(text)}")
            continue
        inner, more = unfolded(parts[0], depth + 1)
        out.append(inner.strip().removesuffix(";"))
        hidden += more
    return out, hidden


def beginning(plain: str) -> int | None:
    """Return where in a piece of a body, after its control words, a change of the schema or EXECUTE begins."""
    for at in (0, *(found.end() for found in BEFORE.finditer(plain))):
        if CHANGING.match(plain, at) or EXECUTE.match(plain, at) or BODY.match(plain, at):
            return at
    return None


def short(text: str) -> str:
    """Return the beginning of a statement on one line."""
    return " ".join(text.split())[:80]
