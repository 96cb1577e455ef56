"""The stack file (`stacks/*.yaml`) as typed values, and the stack that results from it.

`StackFile` is one file as written; `Stack` is what remains when `extends` is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

DRIVERS = ("embedded",)
RESOURCES = ("postgres", "redis", "cache", "mongo", "objects", "mailbox")
MAX_REPLICAS = 5

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def number_as_text(value: object) -> object:
    """Accept `PORT: 80` as the text that it is in an environment; a boolean has no one spelling there."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def variable_name(value: str) -> str:
    """Refuse what cannot be the name of an environment variable."""
    if not VARIABLE_NAME.fullmatch(value):
        raise ValueError("not a name of an environment variable")
    return value


Driver = Literal["embedded"]
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
    """How a stack runs one backing resource. `settings` are the server's own configuration settings."""

    driver: Driver | None = None
    settings: Mapping[str, Setting] = {}


class StackFile(Frozen):
    """One stack file as it is written."""

    version: Literal[1]
    description: str = ""
    extends: str | None = None
    driver: Driver | None = None
    services: Mapping[str, ServiceEntry | None] = {}
    resources: Mapping[str, ResourceEntry | None] = {}


class Stack(Frozen):
    """A stack with everything it extends merged in."""

    name: str
    path: Path
    description: str = ""
    driver: Driver = "embedded"
    services: Mapping[str, ServiceEntry]
    resources: Mapping[str, ResourceEntry]

    def settings(self, resource: str) -> Mapping[str, Setting]:
        """Return the settings of a resource; empty when the stack names none."""
        entry = self.resources.get(resource)
        return entry.settings if entry else {}
