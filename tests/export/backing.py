"""What services in containers stand on in tests: the resources of a platform whose own services are drained."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autional_cli import secrets
from autional_cli.environment import environment
from autional_cli.instance import Instance
from autional_cli.supervisor.topology import all_resources
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack
from autional_cli.workspace.model import Stack
from services.chassis.spec import ServiceSpec
from tests.platform.running import ROOT, Platform

IMAGE_USER = 10001
STACK = "full"


@dataclass(kw_only=True)
class Backing:
    """Databases, bus, cache, mailbox and traces of `platform`, with nobody using them."""

    platform: Platform

    def start(self) -> None:
        """Start everything, which migrates the databases, then stop the services for good."""
        self.platform.up("--stack", STACK)
        report = self.platform.json("drain", "--all", "--timeout", "10")
        assert not report["lost_requests"], report

    def stop(self) -> None:
        """Stop and remove everything."""
        self.platform.down()

    @property
    def instance(self) -> Instance:
        """The instance of the platform."""
        return Instance.open(ROOT, self.platform.instance)

    @cached_property
    def specs(self) -> dict[str, ServiceSpec]:
        """The services of the stack."""
        return {name: spec for name, spec in discover(ROOT).items() if name in self.stack.services}

    @cached_property
    def stack(self) -> Stack:
        """The stack."""
        return load_stack(ROOT, STACK, discover(ROOT))

    def told(self, service: str) -> dict[str, str]:
        """Return what a process of a service is told on this machine."""
        return environment(self.instance, self.specs[service], self.stack, all_resources(self.instance))

    def keys(self, folder: Path) -> dict[str, Path]:
        """Copy all keys to where the user of the image can read them; return the private one of each service."""
        folder.mkdir(mode=0o755)
        found = {}
        for name in self.specs:
            found[name] = folder / f"{name}.pem"
            shutil.copy(secrets.key_file(self.instance, name), found[name])
            os.chown(found[name], IMAGE_USER, IMAGE_USER)
            found[name].chmod(0o400)
        shutil.copy(secrets.trust_file(self.instance), folder / "trust.json")
        (folder / "trust.json").chmod(0o444)
        return found
