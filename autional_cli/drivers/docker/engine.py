"""A Docker engine, asked with the standard library alone.

Keepers and the guardian start in milliseconds and hold little memory, so they cannot import the SDK. Sources: the
Docker Engine API reference, and the documentation of contexts for where an engine is found.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

DEFAULT = "unix:///var/run/docker.sock"
ANSWER_S = 15.0
NOT_MODIFIED, NOT_FOUND = 304, 404


class EngineError(Exception):
    """The engine refused, in its own words; `status` is that of HTTP."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def address() -> str:
    """Return where the engine is: DOCKER_HOST, the chosen context, or a socket at one of the usual places."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    if host := of_context():
        return host
    rootless = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")) / "docker.sock"
    desktop = Path.home() / ".docker" / "run" / "docker.sock"
    usual = (Path(urlsplit(DEFAULT).path), rootless, desktop)
    return next((f"unix://{path}" for path in usual if path.exists()), DEFAULT)


def of_context() -> str | None:
    """Return the address of the context that `docker context use` chose; None for the default one."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        name = os.environ.get("DOCKER_CONTEXT") or json.loads((folder / "config.json").read_bytes())["currentContext"]
        meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
        return str(json.loads(meta.read_bytes())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """What is asked of an engine on the way to ready, and on the way down."""

    def __init__(self, where: str) -> None:
        self.address = where

    def connection(self, timeout_s: float = ANSWER_S) -> http.client.HTTPConnection:
        """Return a new connection, not connected yet."""
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            return UnixConnection(parts.path, timeout_s)
        return http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 2375, timeout=timeout_s)

    def call(self, method: str, path: str, *, timeout_s: float = ANSWER_S, **query: Any) -> Any:
        """Return the answer, decoded. OSError when nobody answers, EngineError when it refuses."""
        connection = self.connection(timeout_s)
        try:
            connection.request(method, f"{path}?{urlencode(query)}" if query else path)
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException as failure:
            raise ConnectionError(f"{type(failure).__name__}: {failure}") from failure
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise EngineError(response.status, message(body))
        return json.loads(body) if body.startswith((b"{", b"[")) else None

    def version(self) -> str:
        """Return the engine's version."""
        return str(self.call("GET", "/version")["Version"])

    def image(self, name: str) -> dict[str, Any] | None:
        """Return what is known about a local image."""
        return self._find(f"/images/{quote(name, safe='/:@')}/json")

    def container(self, name: str) -> dict[str, Any] | None:
        """Return what is known about a container."""
        return self._find(f"/containers/{name}/json")

    def _find(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.call("GET", path)
        except EngineError as failure:
            if failure.status == NOT_FOUND:
                return None
            raise
        return found

    def labelled(self, kind: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        """Return all `containers`, `volumes` or `networks` that have `labels`."""
        filters = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        if kind == "containers":
            return list(self.call("GET", "/containers/json", all=1, filters=filters))
        found = self.call("GET", f"/{kind}", filters=filters)
        return list((found or {}).get("Volumes") or ()) if kind == "volumes" else list(found)

    def start(self, container: str) -> None:
        """Start a container; nothing happens when it runs."""
        self.call("POST", f"/containers/{container}/start", timeout_s=60.0)

    def stop(self, container: str, patience_s: float) -> None:
        """Stop a container by its stop signal, by SIGKILL after `patience_s`; nothing happens when there is none."""
        try:
            self.call("POST", f"/containers/{container}/stop", timeout_s=patience_s + ANSWER_S, t=round(patience_s))
        except EngineError as failure:
            if failure.status != NOT_FOUND:
                raise

    def remove(self, path: str, **query: Any) -> None:
        """Remove what is at `path`; nothing happens when there is nothing."""
        try:
            self.call("DELETE", path, timeout_s=60.0, **query)
        except EngineError as failure:
            if failure.status != NOT_FOUND:
                raise


def message(body: bytes) -> str:
    """Return the text of a refusal."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()
