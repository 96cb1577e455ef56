"""The image, built from the workspace's Dockerfile and measured. Works with engines that have no BuildKit."""

from __future__ import annotations

import os
import re
import subprocess
import time
import tomllib
import zlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

NAME = "autional"
# Where pip looks is told by the environment of who builds; the build stage has arguments of these names.
FROM_ENVIRONMENT = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_DEFAULT_TIMEOUT")
GIT_S = 10.0
STEP = re.compile(r"Step \d+/\d+ : ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to build. Empty `base` and `platform` are the Dockerfile's and the engine's own choice."""

    root: Path
    tag: str
    base: str = ""
    platform: str = ""
    network: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer that has content. `bytes` are those on disk."""

    bytes: int
    made_by: str


@dataclass(frozen=True, slots=True)
class Built:
    """An image. `compressed_bytes` is what gzip makes of it, about what a registry stores and a node pulls."""

    tag: str
    id: str
    platform: str
    bytes: int
    compressed_bytes: int
    layers: tuple[Layer, ...]
    elapsed_s: float

    def to_json(self) -> dict[str, Any]:
        """Return it for a report."""
        return {"schema": 1, **asdict(self), "elapsed_s": round(self.elapsed_s, 2)}


def default_tag(root: Path) -> str:
    """Return `autional:<version of the project>`."""
    return f"{NAME}:{version(root)}"


def version(root: Path) -> str:
    """Return the version that pyproject.toml declares."""
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def build(client: Any, order: Order, said: Callable[[str], None]) -> Built:
    """Build the image, passing each line of progress to `said`; AutionalError (exit 4) that tells why it failed."""
    from docker.errors import APIError, DockerException

    if not (order.root / "Dockerfile").is_file():
        raise AutionalError(
            f"{order.root} has no Dockerfile", hint="run it in a clone of Autional", exit_code=ExitCode.CONFIGURATION
        )
    began = time.monotonic()
    try:
        stream = client.api.build(
            path=str(order.root),
            tag=order.tag,
            buildargs=arguments(order),
            platform=order.platform or None,
            network_mode=order.network or None,
            rm=True,
            forcerm=True,
            decode=True,
            use_config_proxy=True,
        )
        follow(stream, said)
        return measured(client, order.tag, began)
    except APIError as failure:
        raise failed(str(failure.explanation or failure), []) from failure
    except DockerException as failure:
        raise failed(str(failure), []) from failure


def arguments(order: Order) -> dict[str, str]:
    """Return the build's arguments; those that were given win over what the environment and the workspace say."""
    found = {name: os.environ[name] for name in FROM_ENVIRONMENT if os.environ.get(name)}
    found |= {"VERSION": version(order.root), "REVISION": revision(order.root), "CREATED": created(order.root)}
    if order.base:
        found["BASE"] = order.base
    return {**found, **order.arguments}


def revision(root: Path) -> str:
    """Return the commit that is built, with `-dirty` when files differ from it; `unknown` without Git."""
    commit = git(root, "rev-parse", "HEAD")
    dirty = "-dirty" if commit and git(root, "status", "--porcelain", "--", "services", "migrations") else ""
    return f"{commit}{dirty}" if commit else "unknown"


def created(root: Path) -> str:
    """Return when the commit was made, as RFC 3339: building it twice makes the same label."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git(root, "log", "-1", "--format=%ct") or "0"
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git(root: Path, *words: str) -> str:
    """Return what Git says, or nothing."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=GIT_S, check=False)  # noqa: S603, S607 - fixed words; the person's own git
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def follow(stream: Iterable[Mapping[str, Any]], said: Callable[[str], None]) -> None:
    """Pass on what the engine says; AutionalError with its last lines if a step failed."""
    tail: list[str] = []
    for message in stream:
        if "error" in message:
            raise failed(str(message["error"]), tail)
        text = str(message.get("stream") or message.get("status") or "").strip()
        for line in text.splitlines():
            tail = [*tail[-14:], line]
            said(f"{line} {message.get('progress', '')}".rstrip())


def failed(reason: str, tail: list[str]) -> AutionalError:
    """Return the error of a build, with the command that helps."""
    hint = "the lines above it say what failed; autional image build shows all of them"
    known = {
        (
            "pull access denied",
            "not found",
            "manifest unknown",
            "no such host",
            "Client.Timeout",
            "connection refused",
        ): ("the base image cannot be had; another one: autional image build --base IMAGE, or docker load it first"),
        ("toomanyrequests", "rate limit"): "the registry limits pulls: docker login, or --base with a mirror's name",
        ("no space left",): "docker system df",
    }
    for signs, advice in known.items():
        if any(sign.lower() in reason.lower() for sign in signs):
            hint = advice
    context = "".join(f"\n    {line}" for line in tail if not STEP.match(line))
    return AutionalError(
        f"the image could not be built: {reason.strip()}{context}", hint=hint, exit_code=ExitCode.BACKEND_UNAVAILABLE
    )


def measured(client: Any, tag: str, began: float) -> Built:
    """Return the image with its sizes."""
    image = client.images.get(tag)
    shown = image.attrs
    layers = tuple(
        Layer(entry["Size"], words(entry["CreatedBy"] or entry.get("Comment", "")))
        for entry in reversed(client.api.history(image.id))
        if entry["Size"]
    )
    return Built(
        tag=tag,
        id=image.id,
        platform=f"{shown['Os']}/{shown['Architecture']}",
        bytes=shown["Size"],
        compressed_bytes=compressed(image.save()),
        layers=layers,
        elapsed_s=time.monotonic() - began,
    )


def words(text: str) -> str:
    """Return what made a layer, on one line."""
    plain = re.sub(r"^/bin/sh -c (#\(nop\) )?", "", text.strip())
    return re.sub(r"^\|\d+ (\S+=\S* )*/bin/sh -c ", "", " ".join(plain.split())) or "imported"


def compressed(chunks: Iterable[bytes]) -> int:
    """Return how many bytes gzip makes of a stream; at level 1, which is what engines push with, more or less."""
    packer = zlib.compressobj(level=1, wbits=31)
    return sum(len(packer.compress(chunk)) for chunk in chunks) + len(packer.flush())
