"""`autional image`: the one image of all services."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP

if TYPE_CHECKING:
    from autional_cli.images.build import Built

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
WIDTH = 88


@app.callback()
def image() -> None:
    """Build the one image of all services; its argument says which service a container runs."""


@app.command()
def build(
    tag: Annotated[str, typer.Option(help="What to call it; autional:VERSION unless told.")] = "",
    base: Annotated[str, typer.Option(help="Base image with CPython 3.11; the Dockerfile's own unless told.")] = "",
    platform: Annotated[str, typer.Option(help="Such as linux/arm64; the engine's own unless told.")] = "",
    network: Annotated[str, typer.Option(help="Network of the build's steps, such as host.")] = "",
    build_arg: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the Dockerfile; more than one.")] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Build the image and say how large it is.

    pip looks where the environment says (PIP_INDEX_URL, PIP_TRUSTED_HOST, …); none of it stays in the image.

    Examples: autional image build · autional image build --tag registry.example/autional:1.4 --platform linux/amd64
    """
    from autional_cli.drivers.docker import sdk
    from autional_cli.images.build import Order, default_tag
    from autional_cli.images.build import build as make
    from autional_cli.workspace.locate import find_root

    root = find_root()
    order = Order(
        root=root,
        tag=tag or default_tag(root),
        base=base,
        platform=platform,
        network=network,
        arguments=dict(argument(text) for text in build_arg or ()),
    )
    began = time.monotonic()
    with sdk.connected() as client:
        built = make(client, order, lambda line: render.note(f"{time.monotonic() - began:6.1f} s  {line}"))
    if output == "json":
        render.data(built.to_json())
    else:
        show(built)


def argument(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise AutionalError(f"{text!r} is not NAME=VALUE", hint="--build-arg PIP_INDEX_URL=https://…")
    return name, value


def show(built: Built) -> None:
    """Print what was built."""
    render.table(
        ("LAYER", "SIZE", "MADE BY"),
        [(str(number), megabytes(layer.bytes), layer.made_by[:WIDTH]) for number, layer in enumerate(built.layers, 1)],
    )
    size = f"{megabytes(built.bytes)}, {megabytes(built.compressed_bytes)} compressed"
    render.out(
        f"{built.tag} ({built.platform}, {built.id.removeprefix('sha256:')[:12]}): {size}, in {built.elapsed_s:.1f} s"
    )
    render.out(f"  try  docker run --rm --read-only --tmpfs /tmp {built.tag} identity")


def megabytes(size: int) -> str:
    """Return bytes as megabytes (10^6)."""
    return f"{size / 1e6:.1f} MB"
