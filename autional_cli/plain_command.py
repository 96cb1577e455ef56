"""A Typer command whose values are converted without pydantic.

Typer 0.29 builds a pydantic adapter for every option it converts, and importing pydantic takes as long as all the rest
of `autional trace`. Options stay declared the Typer way; only the conversion of text, numbers and choices is plain.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption


class PlainOption(TyperOption):
    """An option with plain conversion."""

    def get_runtime_param(self) -> Any:
        return PlainValue()


class PlainArgument(TyperArgument):
    """An argument with plain conversion."""

    def get_runtime_param(self) -> Any:
        return PlainValue()


class PlainCommand(TyperCommand):
    """Give this as `cls` to `app.command`; parameters may be str, int, float, an Enum, or a list of str."""

    def get_params(self, ctx: Any) -> Any:
        return use_plain_values(super().get_params(ctx))  # here, because --help is only made now


def use_plain_values(parameters: list[Any]) -> list[Any]:
    """Make Typer's parameters convert plainly and return them; a group overrides its `get_params` likewise."""
    for parameter in parameters:
        if type(parameter) is TyperOption:
            parameter.__class__ = PlainOption
        elif type(parameter) is TyperArgument:
            parameter.__class__ = PlainArgument
    return parameters


class PlainValue:
    """Turns what was typed into what a parameter's annotation says."""

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """Convert a value, or a list of them; raises typer.BadParameter naming the option."""
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        if is_list:
            return [str(item) for item in value]
        try:
            return convert(value, param.type_descriptor.annotation, param)
        except ValueError as failure:
            raise typer.BadParameter(str(failure), ctx=ctx, param=param) from failure


def convert(value: Any, annotation: Any, param: Any) -> Any:
    """Convert one value; raises ValueError saying what is allowed."""
    if annotation is bool:
        return value if isinstance(value, bool) else value.strip().lower() in ("1", "true", "yes", "on")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        allowed = [str(member.value) for member in annotation]
        if str(value) not in allowed:
            raise ValueError(f"{str(value)!r} is not one of {', '.join(allowed)}.")
        return annotation(str(value))
    if annotation in (int, float):
        return convert_number(value, annotation, param)
    return value


def convert_number(value: Any, annotation: type[int] | type[float], param: Any) -> int | float:
    """Convert a number and check its range."""
    try:
        number = annotation(value)
    except ValueError:
        word = "a whole number" if annotation is int else "a number"
        raise ValueError(f"{value!r} is not {word}.") from None
    if (param.min is not None and number < param.min) or (param.max is not None and number > param.max):
        limits = " and ".join(
            text
            for text in (
                f"at least {param.min}" if param.min is not None else "",
                f"at most {param.max}" if param.max is not None else "",
            )
            if text
        )
        raise ValueError(f"{value} is out of range: {limits}.")
    return number
