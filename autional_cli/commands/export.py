"""`autional export`: what Kubernetes or Docker Swarm needs to run a stack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.supervisor.target import FORMAT_HELP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.export.deployment import Deployment
    from autional_cli.export.folder import Written
    from autional_cli.workspace.model import Stack as StackModel
    from services.chassis.spec import ServiceSpec

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Folder = Annotated[Path, typer.Option("-o", "--out", help="Folder to write to.")]
Stack = Annotated[str | None, typer.Option(help="A file of stacks/, without .yaml.")]
Image = Annotated[str, typer.Option(help="The image with a fixed tag or digest; autional:VERSION unless told.")]
Output = Annotated[str, typer.Option("--format", help=FORMAT_HELP)]


@app.callback()
def export() -> None:
    """Write manifests from the SPECs and a stack. They contain no secret of this machine."""


@app.command()
def kubernetes(
    out: Folder = Path("deploy/kubernetes"),
    stack: Stack = None,
    image: Image = "",
    namespace: Annotated[str, typer.Option(help="Namespace of all objects.")] = "autional",
    output: Output = "table",
) -> None:
    """Write manifests for Kubernetes: a base for kustomize, an example overlay that is yours, and a README.

    Example: autional export kubernetes --stack full --image registry.example/autional:1.4.0 -o deploy/kubernetes
    """
    from autional_cli.export.folder import write
    from autional_cli.export.kubernetes import files

    found = described(stack, image, namespace)
    show(out, write(out, "kubernetes", files.ours(found), files.theirs(found)), output)


@app.command()
def swarm(
    out: Folder = Path("deploy/swarm"),
    stack: Stack = None,
    image: Image = "",
    name: Annotated[str, typer.Option(help="Prefix of secrets and configs, and the stack's name.")] = "autional",
    encrypted: Annotated[bool, typer.Option("--encrypted", help="Encrypt traffic between nodes (IPsec).")] = False,
    output: Output = "table",
) -> None:
    """Write a stack file for Docker Swarm, an example override that is yours, and a README.

    Example: autional export swarm --stack full --image registry.example/autional:1.4.0 -o deploy/swarm
    """
    from autional_cli.export import swarm as writer
    from autional_cli.export.folder import write

    found = described(stack, image, name)
    show(out, write(out, "swarm", writer.ours(found, encrypted=encrypted), writer.theirs(found)), output)


@app.command()
def keys(
    out: Folder = Path("keys"),
    stack: Stack = None,
    output: Output = "table",
) -> None:
    """Make fresh signing and sealing keys for a deployment; those that are there are kept.

    Example: autional export keys -o keys
    """
    from autional_cli.export import keys as making
    from autional_cli.export.folder import Written

    _, specs, chosen = stack_of(stack)
    written = making.make(out, (specs[name] for name in chosen.services))
    show(out, [Written(path, "written") for path in written], output)


def described(stack: str | None, image: str, name: str) -> Deployment:
    """Return the deployment of a stack of this workspace."""
    from autional_cli.export.deployment import deployment
    from autional_cli.images.build import default_tag

    root, specs, chosen = stack_of(stack)
    return deployment(specs, chosen, image=image or default_tag(root), name=name)


def stack_of(stack: str | None) -> tuple[Path, Mapping[str, ServiceSpec], StackModel]:
    """Return the root of this workspace, the SPECs in it, and a stack, by default the default one."""
    from autional_cli.workspace.discover import discover
    from autional_cli.workspace.load import DEFAULT_STACK, load_stack
    from autional_cli.workspace.locate import find_root

    root = find_root()
    specs = discover(root)
    return root, specs, load_stack(root, stack or DEFAULT_STACK, specs)


def show(folder: Path, files: list[Written], output: str) -> None:
    """Print what became of each file."""
    if output == "json":
        listed = [{"path": file.path, "action": file.action} for file in files]
        render.data({"schema": 1, "folder": str(folder), "files": listed})
        return
    render.table(("FILE", ""), [(file.path, file.action) for file in files])
    render.out(f"{len(files)} files in {folder}")
