"""The stack file (`stacks/*.yaml`) as typed values, and the stack that results from it.

`StackFile` is one file as written; `Stack` is what remains when `extends` is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

DRIVERS = ("embedded", "docker")  # of a whole stack
RESOURCE_DRIVERS = (*DRIVERS, "external")
RESOURCES = ("postgres", "redis", "cache", "mongo", "objects", "mailbox", "jaeger")
SCHEMES = {
    "postgres": ("postgresql", "postgres"),
    "redis": ("redis", "rediss"),
    "cache": ("redis", "rediss"),
    "mongo": ("mongodb", "mongodb+srv"),
    "objects": ("s3", "http", "https"),
    "mailbox": ("smtp",),
    "jaeger": ("http", "https"),
}
MAX_REPLICAS = 5

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:@-]*[A-Za-z0-9._-]*", re.IGNORECASE)
PINNED = re.compile(r"[^/]+[:@][A-Za-z0-9._:-]+$")
MEMORY = re.compile(r"[1-9][0-9]{0,9}[kmg]")
AGE = re.compile(r"[1-9][0-9]{0,4}[mhd]")
SMALLEST_STORE = 16 << 20


def number_as_text(value: object) -> object:
    """Accept `PORT: 80` as the text that it is in an environment; a boolean has no one spelling there."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def variable_name(value: str) -> str:
    """Refuse what cannot be the name of an environment variable."""
    if not VARIABLE_NAME.fullmatch(value):
        raise ValueError("not a name of an environment variable")
    return value


def image_reference(value: str) -> str:
    """Refuse what cannot name an image, and a tag that means another image tomorrow."""
    if not IMAGE.fullmatch(value):
        raise ValueError("not a name of an image")
    if value.endswith(":latest") or not PINNED.search(value):
        raise ValueError("an image needs a tag or a digest, and not 'latest'")
    return value


def memory_size(value: str) -> str:
    """Refuse what the engine does not understand."""
    if not MEMORY.fullmatch(value):
        raise ValueError("not a size such as 512m or 2g")
    return value


def to_bytes(size: str) -> int:
    """Read a size such as 512m."""
    return int(size[:-1]) << {"k": 10, "m": 20, "g": 30}[size[-1]]


def to_seconds(age: str) -> int:
    """Read an age such as 7d."""
    return int(age[:-1]) * {"m": 60, "h": 3600, "d": 86400}[age[-1]]


def store_size(value: str) -> str:
    """Refuse a size that a single large request could fill."""
    if to_bytes(memory_size(value)) < SMALLEST_STORE:
        raise ValueError("the trace store needs at least 16m")
    return value


def store_age(value: str) -> str:
    """Refuse what is not an age."""
    if not AGE.fullmatch(value):
        raise ValueError("not an age such as 90m, 12h or 7d")
    return value


Driver = Literal["embedded", "docker"]
ResourceDriver = Literal["embedded", "docker", "external"]
EnvironmentName = Annotated[str, AfterValidator(variable_name)]
EnvironmentValue = Annotated[str, BeforeValidator(number_as_text)]
Setting = bool | int | float | str


class Frozen(BaseModel):
    """Immutable, and strict: a wrong key or type is an error, never a guess."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ServiceEntry(Frozen):
    """How a stack runs one service. `needs` are services that must be ready before this one starts."""

    replicas: int = Field(default=1, ge=1, le=MAX_REPLICAS)
    needs: Annotated[tuple[str, ...], Field(strict=False)] = ()  # YAML has lists only
    env: Mapping[EnvironmentName, EnvironmentValue] = {}


class ResourceEntry(Frozen):
    """How a stack runs one backing resource. `settings` are the server's own configuration settings.

    `image`, `env` and `memory` (such as `512m`) are for the driver docker, `url` is for external. A `${NAME}` in the
    URL is that variable of the environment, so that no password is in the file.
    """

    driver: ResourceDriver | None = None
    settings: Mapping[str, Setting] = {}
    image: Annotated[str, AfterValidator(image_reference)] | None = None
    env: Mapping[EnvironmentName, EnvironmentValue] = {}
    memory: Annotated[str, AfterValidator(memory_size)] | None = None
    url: str | None = None


class TelemetryEntry(Frozen):
    """How much the telemetry process takes and keeps; what is absent has the defaults of `telemetry/limits.py`.

    `size` bounds the trace store on disk and `age` what it keeps; the others bound one trace, one request and one span.
    """

    size: Annotated[str, AfterValidator(store_size)] | None = None
    age: Annotated[str, AfterValidator(store_age)] | None = None
    trace_spans: int | None = Field(default=None, ge=1, le=1_000_000)
    request_size: Annotated[str, AfterValidator(memory_size)] | None = None
    request_spans: int | None = Field(default=None, ge=1, le=1_000_000)
    attributes: int | None = Field(default=None, ge=1, le=10_000)
    attribute_bytes: int | None = Field(default=None, ge=16, le=1 << 20)
    events: int | None = Field(default=None, ge=0, le=10_000)
    links: int | None = Field(default=None, ge=0, le=10_000)

    def limits(self) -> dict[str, int]:
        """Return what the stack sets, by the names of `telemetry.limits.Limits`: counts, bytes and seconds."""
        counts = ("trace_spans", "request_spans", "attributes", "attribute_bytes", "events", "links")
        found = {name: getattr(self, name) for name in counts}
        found["size_bytes"] = to_bytes(self.size) if self.size else None
        found["request_bytes"] = to_bytes(self.request_size) if self.request_size else None
        found["age_s"] = to_seconds(self.age) if self.age else None
        return {name: value for name, value in found.items() if value is not None}


class StackFile(Frozen):
    """One stack file as it is written."""

    version: Literal[1]
    description: str = ""
    extends: str | None = None
    driver: Driver | None = None
    services: Mapping[str, ServiceEntry | None] = {}
    resources: Mapping[str, ResourceEntry | None] = {}
    telemetry: TelemetryEntry | None = None


class Stack(Frozen):
    """A stack with everything it extends merged in."""

    name: str
    path: Path
    description: str = ""
    driver: Driver = "embedded"
    services: Mapping[str, ServiceEntry]
    resources: Mapping[str, ResourceEntry]
    telemetry: TelemetryEntry = TelemetryEntry()

    def settings(self, resource: str) -> Mapping[str, Setting]:
        """Return the settings of a resource; empty when the stack names none."""
        entry = self.resources.get(resource)
        return entry.settings if entry else {}

    def entry(self, resource: str) -> ResourceEntry:
        """Return what the stack says about a resource; an empty entry when it names none."""
        return self.resources.get(resource) or ResourceEntry()

    def driver_of(self, resource: str) -> ResourceDriver:
        """Return the driver of a resource: its own, or the stack's."""
        return self.entry(resource).driver or self.driver
