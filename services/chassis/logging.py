"""Structured logs: one JSON object a line, with the service, the replica and the trace it belongs to.

Secrets never reach a log: values under telling keys are replaced, whoever logs them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import orjson
import structlog
from opentelemetry import trace

from services.chassis.settings import Settings

_SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key", "private_key", "otp", "recovery")
_MAX_FILE_BYTES = 32 * 1024 * 1024


def get_logger(name: str) -> Any:
    """Return the structured logger `name`."""
    return structlog.stdlib.get_logger(name)


def configure_logging(settings: Settings) -> None:
    """Route structlog and the standard library's loggers to one JSON stream."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _identity(settings),
        _trace,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A line that the level discards must not cost what a written one does.
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level.lower()),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
    )
    handler = _handler(settings)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("uvicorn.error", "uvicorn.access", "sqlalchemy.engine", "pymongo", "opentelemetry", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _handler(settings: Settings) -> logging.Handler:
    if settings.log_file is None:
        return logging.StreamHandler(sys.stdout)
    return SharedFileHandler(settings.log_file, maxBytes=_MAX_FILE_BYTES, backupCount=1, encoding="utf-8")


class SharedFileHandler(logging.handlers.RotatingFileHandler):
    """A log that a predecessor and its successor write at the same time.

    Whoever finds that the file at its path is another one, because the other rotated it or somebody removed it, goes on
    with that one. Rotating it once more would remove what the other wrote.
    """

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """Return whether this process is to rotate the file; reopens one that was replaced."""
        if self.stream is not None and not self._is_current(self.stream.fileno()):
            with contextlib.suppress(OSError):  # its folder is gone as well: then nobody can read it either way
                stale, self.stream = self.stream, self._open()
                stale.close()
        return bool(super().shouldRollover(record))

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.baseFilename), os.fstat(descriptor))  # noqa: PTH116 - each line
        except FileNotFoundError:
            return False


def _identity(settings: Settings) -> Any:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = settings.service
        event["instance"] = settings.replica
        return event

    return add


def _trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.trace_id:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        event[key] = _without_secrets(key, event[key])
    return event


@lru_cache(maxsize=1024)
def _is_telling(key: str) -> bool:
    lowered = key.lower()
    return any(word in lowered for word in _SECRET_WORDS)


def _without_secrets(key: object, value: Any) -> Any:
    if _is_telling(str(key)):
        return "[redacted]"
    if isinstance(value, Mapping):
        return {inner: _without_secrets(inner, part) for inner, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets("", part) for part in value]
    return value


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # what strict JSON cannot hold, such as a lone surrogate: a line must not get lost over it
        text = json.dumps(event, default=repr, skipkeys=True, ensure_ascii=False)
        return text.encode(errors="replace").decode()
