"""What is exported from this workspace, for tests that read it."""

from __future__ import annotations

from functools import cache

from autional_cli.export.deployment import Deployment, deployment
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack, stack_names
from tests.platform.running import ROOT

IMAGE = "registry.example/team/autional:1.4.0"
STACKS = stack_names(ROOT)


@cache
def described(stack: str = "full", image: str = IMAGE) -> Deployment:
    """Return the deployment of a stack."""
    specs = discover(ROOT)
    return deployment(specs, load_stack(ROOT, stack, specs), image=image, name="autional")
