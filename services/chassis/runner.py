"""The one way into a service process: forked by the supervisor, or `python -m services.chassis NAME`."""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import os
import sys

import uvloop

from services.chassis.hold import told_to_go
from services.chassis.logging import configure_logging, get_logger
from services.chassis.notify import notify
from services.chassis.printed import logged_prints
from services.chassis.settings import Settings, SettingsError, load_settings
from services.chassis.spec import ServiceSpec
from services.chassis.tracing import Tracing

CONFIGURATION_ERROR = 78  # EX_CONFIG
START_FAILED = 1


def main() -> int:
    """Run the service named by `AUTIONAL_SERVICE`; return the exit code of the process."""
    return run(os.environ.get("AUTIONAL_SERVICE", ""))


def run(name: str) -> int:
    """Run service `name` until it is told to stop."""
    if not name.isidentifier():
        sys.stderr.write(f"not a service name: {name!r}\n")
        return CONFIGURATION_ERROR
    try:
        module = importlib.import_module(f"services.{name}.service")
    except ModuleNotFoundError as error:
        sys.stderr.write(f"no service {name!r}: {error}\n")
        return CONFIGURATION_ERROR
    spec: ServiceSpec = module.SPEC
    try:
        settings = load_settings(spec)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION_ERROR
    configure_logging(settings)
    faulthandler.enable(file=sys.stderr)
    if settings.schema_wait_s and spec.database == "postgres" and not _schema_came(settings):
        return START_FAILED
    tracing = Tracing(settings)
    with logged_prints():
        return uvloop.run(_live(module, settings, tracing))


def _schema_came(settings: Settings) -> bool:
    """Wait for the migrations that are applied beside this service; false, and said why, if they are not."""
    from services.chassis.migration import SchemaError, await_schema

    notify(STATUS="waiting for the schema")
    try:
        asyncio.run(await_schema(settings))
    except SchemaError as error:
        get_logger(__name__).error("start failed", reason=str(error))
        sys.stderr.write(f"start failed: {error}\n")
        return False
    return True


async def _live(module: object, settings: Settings, tracing: Tracing) -> int:
    log = get_logger(__name__)
    try:
        application = module.build(settings)  # type: ignore[attr-defined]
        if not await told_to_go():
            return 0
        return int(await application.run(tracing))
    except asyncio.CancelledError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        log.exception("start failed", reason=reason)
        notify(STATUS=f"start failed: {reason[:200]}")
        os.write(2, f"start failed: {reason}\n".encode())
        tracing.close()
        return START_FAILED
