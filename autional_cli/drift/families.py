"""What is compared: the families of objects of a schema, and the facts of each in which it can differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# In the order in which what mends may run: types before the columns that use them, columns before what stands on them.
# `catalog.read` yields these facts; which of them a family has is known here alone.
FACTS: Mapping[str, tuple[str, ...]] = {
    "enum": ("labels", "role"),
    "domain": ("definition", "role"),
    "sequence": ("definition", "owner", "persistence", "role", "rights"),
    "table": ("kind", "persistence", "row_security", "inherits", "comment", "role", "rights"),
    "column": ("type", "generated", "identity", "nullable", "default", "collation", "comment"),
    "primary_key": ("definition",),
    "unique": ("definition",),
    "check": ("body",),
    "exclusion": ("definition",),
    "foreign_key": ("definition", "state"),
    "index": ("definition", "state"),
    "view": ("kind", "definition", "options", "state", "role", "rights"),
    "function": ("body", "attributes", "role", "rights"),
    "trigger": ("definition", "state"),
    "rule": ("definition", "state"),
    "policy": ("definition",),
}
# What a snapshot holds to make an object again, and what is not compared by itself.
HELD: Mapping[str, tuple[str, ...]] = {"function": ("definition",), "column": ("enumerated",)}
# What exists once around the schema: `surroundings.py`.
AROUND = (
    "role_attribute",
    "role_setting",
    "database_setting",
    "database_rights",
    "server_setting",
    "schema_rights",
    "schema_extra",
    "default_rights_extra",
    "event_trigger_extra",
)
REVISIONS = ("revision_heads", "revision_missing", "revision_behind", "revision_unknown")
DOCUMENTS = (
    "collection_missing",
    "collection_extra",
    "collection_kind",
    "collection_options",
    "validator",
    "validator_level",
    "validator_action",
    "mongo_index_missing",
    "mongo_index_extra",
    "mongo_index_definition",
    "mongo_role",
)

NOT_COMPARED = """\
Compared is what makes reads or writes behave otherwise. Not compared, and so never a difference:
  data         rows; where a sequence stands (a number behind the largest id makes inserts fail); planner statistics
  speed        storage, compression and fill factor of columns and tables, tablespaces, CLUSTER, extended statistics
  PostgreSQL   extensions and what belongs to them, composite and range types, casts, operators, aggregates, text search
               configurations, publications and subscriptions, options of foreign tables, replica identity, security
               labels, comments on anything but tables and columns, members of other schemas (that one is there is told)
  rights       those of other roles than the service's; passwords and until when they are valid; pg_hba.conf
  server       settings other than default_transaction_read_only, session_replication_role, row_security, search_path
  MongoDB      sizes of capped collections, storage engine options, the profiler, other users; shards
"""


def kinds() -> list[str]:
    """Return every kind of difference that a comparison can name."""
    ends = {family: ("missing", "extra", *facts) for family, facts in FACTS.items()}
    return [*(f"{family}_{end}" for family, found in ends.items() for end in found), *AROUND, *REVISIONS, *DOCUMENTS]
