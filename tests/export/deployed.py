"""A stack that was exported and deployed to a Swarm of this test's own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from autional_cli import secrets
from autional_cli.commands.smoke import login_trace
from autional_cli.export.deployment import deployment
from autional_cli.journeys import steps, travel
from autional_cli.load.crowd import From, Target, household
from autional_cli.resources.mailbox import MailboxReader
from autional_cli.workspace.graph import dependencies, order
from services.chassis.journey import Traveller
from tests.export.backing import STACK, Backing
from tests.export.nodes import Cluster, Node, run, terminate
from tests.platform.running import AUTIONAL, ROOT

NAME = "aut"
EDGE_PORT = 8080
DEPLOYED_S = 300.0
LOST_S = 60.0
LOCAL = "127.0.0.1"


@dataclass
class Deployed:
    """The stack, what it stands on, and the balancer before its gateways."""

    cluster: Cluster
    backing: Backing
    folder: Path
    relay: subprocess.Popen[str] = field(init=False)
    gateway: str = ""

    @property
    def manager(self) -> Node:
        """The node that is asked."""
        return self.cluster.nodes[0]

    @property
    def target(self) -> Target:
        """What load and proof need to know."""
        services = tuple(self.backing.specs)
        return Target(self.backing.instance, self.gateway, services, network=self.cluster.sources)

    def open(self) -> None:
        """Make the Swarm, lend it the resources, create secrets; nothing is deployed yet."""
        self.manager.docker("swarm", "init", "--advertise-addr", self.manager.address, "--dispatcher-heartbeat", "2s")
        token = self.manager.docker("swarm", "join-token", "-q", "worker")
        for node in self.cluster.nodes[1:]:
            node.docker(
                "swarm", "join", "--advertise-addr", node.address, "--token", token, f"{self.manager.address}:2377"
            )
        self.lend()
        self.entrust()

    def lend(self) -> None:
        """Start the relay: resources for the nodes, one address for the users."""
        urls = [value for name in self.backing.specs for key, value in self.told(name).items() if key.endswith("_URL")]
        urls += [self.told("gateway")["AUTIONAL_OTLP_ENDPOINT"]]
        ports = sorted({port for url in urls if (port := urlsplit(url).port)})
        wanted = {
            "forward": [[self.cluster.gateway, port, LOCAL, port] for port in ports],
            "balance": [[node.address, EDGE_PORT] for node in self.cluster.nodes],
            "host": self.cluster.gateway,
        }
        self.relay = subprocess.Popen(
            [sys.executable, "-m", "tests.export.relay"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.relay.stdin is not None
        assert self.relay.stdout is not None
        self.relay.stdin.write(json.dumps(wanted) + "\n")
        self.relay.stdin.flush()
        self.gateway = f"http://{self.cluster.gateway}:{int(self.relay.stdout.readline())}"

    def told(self, service: str) -> dict[str, str]:
        """Return what a service is told on this machine."""
        return self.backing.told(service)

    def abroad(self, url: str) -> str:
        """Return a URL as the nodes reach it."""
        return url.replace(f"{LOCAL}:", f"{self.cluster.gateway}:")

    def entrust(self) -> None:
        """Create the secrets and the trust that the stack file asks for."""
        for name in self.backing.specs:
            told = self.told(name)
            values = {
                key.removeprefix("AUTIONAL_").lower(): self.abroad(told[key]) for key in told if key.endswith("_URL")
            }
            values |= {"secret": told["AUTIONAL_SECRET"]}
            values |= {"private_key": Path(told["AUTIONAL_PRIVATE_KEY_FILE"]).read_text()}
            for key, value in values.items():
                if value and key != "public_url":
                    self.manager.docker("secret", "create", f"{NAME}_{name}_{key}", "-", stdin=value.encode())
        trust = secrets.trust_file(self.backing.instance).read_bytes()
        self.manager.docker("config", "create", f"{NAME}_trust", "-", stdin=trust)

    def hand_out(self, images: list[str]) -> None:
        """Load images of this machine's engine into every node."""
        archive = self.folder / "images.tar"
        run("docker", "save", "-o", str(archive), *images)
        for node in self.cluster.nodes:
            node.docker("load", "-i", str(archive))
        archive.unlink()

    def deploy(self, image: str) -> None:
        """Export the stack with an image and deploy it; returns when the engine has taken it."""
        out = self.folder / "export"
        command = [str(AUTIONAL), "export", "swarm", "-o", str(out), "--stack", STACK, "--image", image, "--name", NAME]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        told = {
            "AUTIONAL_PUBLIC_URL": self.gateway,
            "AUTIONAL_OTLP_ENDPOINT": self.abroad(self.told("gateway")["AUTIONAL_OTLP_ENDPOINT"]),
        }
        override = {"version": "3.8", "services": {name: {"environment": told} for name in self.backing.specs}}
        (out / "override.yaml").write_text(yaml.safe_dump(override))
        files = [word for name in ("stack.yaml", "override.yaml") for word in ("-c", str(out / name))]
        self.manager.docker("stack", "deploy", "--resolve-image", "never", *files, NAME)

    def await_running(self, within_s: float = DEPLOYED_S) -> float:
        """Wait until every service has all its tasks, healthy, on nodes that are there; return the seconds it took."""
        began = time.monotonic()
        while time.monotonic() < began + within_s:
            healthy = self.healthy()
            if all(healthy[name] == wanted for name, wanted in self.wanted().items()):
                return time.monotonic() - began
            time.sleep(0.5)
        raise AssertionError(f"not running within {within_s:g} s: {self.healthy()}\n{self.state()}")

    def wanted(self) -> dict[str, int]:
        """Return how many tasks each service has; the gateway runs once on each node."""
        units = deployment(self.backing.specs, self.backing.stack, image="x:1", name=NAME).units
        alive = sum(node.is_alive for node in self.cluster.nodes)
        return {unit.name: alive if unit.is_edge else unit.replicas for unit in units}

    def healthy(self) -> Counter[str]:
        """Return how many healthy containers each service has. The nodes are asked: a manager believes a lost one."""
        form = '{{.Label "com.docker.swarm.service.name"}}'
        words = ("ps", "--filter", "health=healthy", "--format", form)
        names = [name for node in self.cluster.nodes if node.is_alive for name in node.docker(*words).split()]
        return Counter(name.removeprefix(f"{NAME}_") for name in names)

    def roll(self, image: str) -> float:
        """Update one service after the other to an image, callees first; return the seconds it took.

        One at a time, because both nodes and the users share this machine's processors. Fails when one is rolled back.
        """
        began = time.monotonic()
        quick = ("--health-interval", "2s", "--update-monitor", "5s", "--update-delay", "0s")
        for name in order(dependencies(self.backing.specs, self.backing.stack)):
            words = ("service", "update", "--quiet", "--no-resolve-image", *quick, "--image", image, f"{NAME}_{name}")
            self.manager.docker(*words, timeout_s=DEPLOYED_S)
            text = self.manager.docker("service", "inspect", f"{NAME}_{name}", "--format", "{{json .UpdateStatus}}")
            assert json.loads(text)["State"] == "completed", f"{name}: {text}\n{self.state()}"
        return time.monotonic() - began

    def images(self) -> set[str]:
        """Return the images that services run."""
        form = '{{.Label "com.docker.swarm.service.name"}} {{.Image}}'
        rows = [row for node in self.cluster.nodes for row in node.docker("ps", "--format", form).splitlines()]
        return {row.split()[1] for row in rows if "_migrate-" not in row}

    def await_node(self, state: str, count: int) -> None:
        """Wait until so many nodes are in a state."""
        until = time.monotonic() + LOST_S
        while time.monotonic() < until:
            states = self.manager.docker("node", "ls", "--format", "{{.Status}}").split()
            if states.count(state) == count:
                return
            time.sleep(0.2)
        raise AssertionError(f"no {count} nodes {state} within {LOST_S:g} s: {states}")

    def state(self) -> str:
        """Return what the engine knows, for a failure."""
        parts = [self.manager.docker("stack", "ps", NAME, "--no-trunc")]
        for name in self.backing.specs:
            parts.append(f"--- {name}")
            parts.append(self.manager.docker("service", "logs", "--tail", "12", "--raw", f"{NAME}_{name}"))
        return "\n".join(parts)[-12000:]

    async def smoke(self) -> None:
        """Walk every user's journey through the balancer; its login must be traced through all services."""
        async with household(self.cluster.sources) as session:
            post = MailboxReader(self.backing.instance.data_dir / "mailbox")
            user = Traveller(gateway=self.gateway, session=session, post=post)
            assert isinstance(session.connector, From)
            user.facts["address"] = session.connector.address
            failed = [each async for each in travel(user, steps(self.backing.specs)) if not each.ok]
        assert not failed, f"{failed[0].name}: {failed[0].error} {failed[0].requests}"
        _, missing = login_trace(self.backing.instance, str(user.facts["login_trace"]), 20.0)
        assert missing == [], "of a login's services, in its trace"

    def close(self) -> None:
        """Stop the relay; the nodes go with the cluster."""
        if hasattr(self, "relay"):
            terminate(self.relay)
