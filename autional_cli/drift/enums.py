"""Enum labels, which Alembic does not compare: a library teaches it to."""

from __future__ import annotations

import importlib

from autional_cli.errors import AutionalError

PLUGIN = "alembic_postgresql_enum"


def load_plugin() -> None:
    """Register the comparison of enums with Alembic. Raises AutionalError (exit 2) if it is not installed."""
    try:
        importlib.import_module(PLUGIN)
    except ImportError as failure:
        raise AutionalError(
            "the library alembic-postgresql-enum is not installed", hint="pip install 'autional[checks]'"
        ) from failure
