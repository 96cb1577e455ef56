"""Which images the driver runs, and how they get here: pulled once, with progress, and errors that say what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from autional_cli.drivers.docker import sdk, trouble
from autional_cli.drivers.docker.engine import EngineError
from autional_cli.drivers.telling import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.drivers.docker.engine import Engine

# Official ones, pinned; a stack names others with `image`.
OFFICIAL: Mapping[str, str] = {
    "postgres": "postgres:18.1",
    "redis": "redis:8.2.3",
    "cache": "redis:8.2.3",
    "mongo": "mongo:8.2.1",
    "objects": "versity/versitygw:v1.8.0",
    "mailbox": "axllent/mailpit:v1.33.1",
    "jaeger": "jaegertracing/jaeger:2.19.0",
}
PULL_ANSWER_S = 120  # between two words of the engine while it pulls
MB = 1 << 20


def ensure(engine: Engine, image: str) -> str:
    """Return the id of a local image, having pulled it if it was missing. AutionalError when that does not work."""
    found = engine.image(image)
    if found is None:
        pull(engine.address, image)
        found = engine.image(image)
    if found is None:
        raise trouble.not_pulled(image, "it was pulled but is not there")
    return str(found["Id"])


def pull(address: str, image: str) -> None:
    """Pull an image, telling how far it is."""
    import docker

    tell(f"pulling {image}")
    layers: dict[str, tuple[int, int]] = {}
    try:
        with sdk.spoken(), contextlib.closing(docker.APIClient(base_url=address, timeout=PULL_ANSWER_S)) as api:
            for line in api.pull(image, stream=True, decode=True):
                if "error" in line:
                    raise trouble.not_pulled(image, str(line["error"]))
                tell(progress(image, layers, line))
    except (EngineError, OSError) as failure:
        raise trouble.not_pulled(image, str(failure)) from failure


def progress(image: str, layers: dict[str, tuple[int, int]], line: Mapping[str, Any]) -> str:
    """Note one message of the engine and return how far all layers are, in megabytes."""
    detail = line.get("progressDetail") or {}
    if line.get("status") == "Downloading" and detail.get("total"):
        layers[str(line.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))
    if line.get("status") == "Download complete" and line.get("id") in layers:
        layers[line["id"]] = (layers[line["id"]][1],) * 2
    if not layers:
        return f"pulling {image}"
    done, total = (sum(each[index] for each in layers.values()) for index in (0, 1))
    return f"pulling {image}: {done / MB:.0f} of {total / MB:.0f} MB"
