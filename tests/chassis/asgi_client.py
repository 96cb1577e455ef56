"""Asks an ASGI application directly, for tests that are about its answers and not about sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from services.chassis.asgi import App, Message


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


async def ask(
    app: App, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | list[bytes] = b""
) -> Answer:
    """Send one request; a list as `body` arrives in parts."""
    parts = list(body) if isinstance(body, list) else [body]
    answer = Answer()

    async def receive() -> Message:
        if not parts:
            return {"type": "http.disconnect"}
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert answer.status == 0, "two answers to one request"
            answer.status = message["status"]
            answer.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": raw,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    await app(scope, receive, send)
    return answer


async def get(app: App, path: str, headers: dict[str, str] | None = None) -> Answer:
    """GET `path`."""
    return await ask(app, "GET", path, headers)
