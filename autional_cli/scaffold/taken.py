"""Names that systems beneath a service keep for themselves: a service of that name could not be started or reached.

Each list is that system's own, as its documentation or its source has it; a test asks the running PostgreSQL for its.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# pg_get_keywords(), reserved as such (R) and but for types and functions (T), PostgreSQL 18
POSTGRES_WORDS = _words(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate "
    "collation column concurrently constraint create cross current_catalog current_date current_role "
    "current_schema current_time current_timestamp current_user default deferrable desc distinct do else end "
    "except false fetch for foreign freeze from full grant group having ilike in initially inner intersect "
    "into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null "
    "offset on only or order outer overlaps placing primary references returning right select session_user "
    "similar some symmetric system_user table tablesample then to trailing true union unique user using "
    "variadic verbose when where window with "
)
# Roles that CREATE ROLE refuses, databases of every cluster, schemas of every database, and the operator's role
POSTGRES_NAMES = _words("public none postgres template0 template1 autional information_schema pg_catalog pg_toast")
# What YAML 1.1 reads as a boolean or nothing: the service would be a key of the stack file
YAML = _words("y n yes no on off true false null")
VALKEY = _words("default")  # the user that every server has (ACL)
MONGO = _words("admin local config")  # databases of every server
SHELL = _words("if then elif else fi case esac for select while until do done in function time coproc")
# Special-use domain names (RFC 6761, RFC 6762, RFC 8375, RFC 9476) and what engines call themselves
HOSTS = _words("localhost localdomain local invalid example test onion arpa alt internal home kubernetes host docker")
HTTP = _words("get head post put delete connect options trace patch api health healthz metrics www")  # RFC 9110
FILES = _words("con prn aux nul com0 com1 com2 com3 com4 com5 com6 com7 com8 com9")
FILES |= _words("lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9")  # no file of that name can be on Windows
PYTHON = _words("match case type test site idlelib lib2to3 pip")  # soft keywords, and modules that the list leaves out
OURS = _words("autional checks jaeger migrate platform override trust edge")  # packages, units and jobs

TAKEN: Mapping[str, frozenset[str]] = {
    "a reserved word of PostgreSQL": POSTGRES_WORDS,
    "a role, database or schema of every PostgreSQL server": POSTGRES_NAMES,
    "a user of every Valkey server": VALKEY,
    "a database of every MongoDB server": MONGO,
    "no text to YAML 1.1": YAML,
    "a reserved word of the shell": SHELL,
    "a host name with a meaning of its own": HOSTS,
    "a word of HTTP, or a path of the gateway": HTTP,
    "no possible file name on Windows": FILES,
    "a word of Python": PYTHON,
    "a name of the platform itself": OURS,
}


def taken_by(name: str, *, schema: bool = False) -> str:
    """Return what `name` is to the system that keeps it for itself; empty when none does.

    Letters in upper case are the same to most of them. `schema`: only what a table or a column may not be called.
    """
    lists = {what: words for what, words in TAKEN.items() if not schema or words in (POSTGRES_WORDS, YAML)}
    folded = name.lower()
    if folded.startswith("pg_"):
        return "a name that PostgreSQL keeps for its own (pg_)"
    return next((what for what, words in lists.items() if folded in words), "")
