"""A stack file for `docker stack deploy` (Compose file format 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.export import text
from autional_cli.export.deployment import GRACE_S, SCHEMA_WAIT_S, SECRETS_DIR, TRUST_FILE, USER

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment, Secret, Unit

NETWORK = "platform"
KEPT = "Yours: `autional export` wrote it once as an example and never touches it again."
COMMENT = f"""{text.HEADER}
Deploy with: docker stack deploy -c stack.yaml -c override.yaml NAME (README.md says what to create before)."""
HEALTH = ["CMD", "python", "-m", "services.chassis", "health"]
LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
# The engine watches a new task for so long before it goes on to the next, and goes back to the old one if it fails.
MONITOR = "10s"


def ours(deployment: Deployment, *, encrypted: bool) -> dict[str, str]:
    """Return the files that every export writes anew."""
    return {
        "stack.yaml": text.documents([stack(deployment, encrypted=encrypted)], COMMENT),
        "README.md": readme(deployment),
    }


def theirs(deployment: Deployment) -> dict[str, str]:
    """Return the files that are written once."""
    services = {
        unit.name: {
            "environment": {key: deployment.variables[key] for key in ("AUTIONAL_PUBLIC_URL", "AUTIONAL_MAIL_FROM")}
        }
        for unit in deployment.units
    }
    return {"override.yaml": text.documents([{"version": "3.8", "services": services}], KEPT)}


def stack(deployment: Deployment, *, encrypted: bool) -> dict[str, Any]:
    """Return the whole stack file."""
    services = {unit.name: service(deployment, unit) for unit in deployment.units}
    jobs = {f"migrate-{unit.name}": migration(deployment, unit) for unit in deployment.units if unit.migrates}
    secrets = {
        source(unit, secret): {"external": True, "name": f"{deployment.name}_{source(unit, secret)}"}
        for unit in deployment.units
        for secret in unit.secrets
    }
    network: dict[str, Any] = {"driver": "overlay"}
    if encrypted:
        network["driver_opts"] = {"encrypted": "true"}
    return {
        "version": "3.8",
        "services": {**services, **jobs},
        "secrets": secrets,
        "configs": {"trust": {"external": True, "name": f"{deployment.name}_trust"}},
        "networks": {NETWORK: network},
    }


def source(unit: Unit, secret: Secret) -> str:
    """Return what a secret is called in the stack file."""
    return f"{unit.name}_{secret.name}"


def service(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return one service."""
    found: dict[str, Any] = {
        **container(deployment),
        "command": [unit.name],
        "environment": {
            **deployment.variables,
            # Unique for each task: it names the consumer on the bus and the entry in the registry.
            "AUTIONAL_REPLICA": "{{.Task.Name}}",
            **unit.variables,
        },
        "secrets": [mounted(unit, secret) for secret in unit.secrets],
        "configs": [{"source": "trust", "target": TRUST_FILE, "mode": 0o444}],
        "networks": [NETWORK],
        "stop_grace_period": f"{GRACE_S}s",
        "healthcheck": {
            "test": HEALTH,
            "interval": "5s",
            "timeout": "5s",
            "retries": 3,
            "start_period": f"{SCHEMA_WAIT_S + 60}s",
        },
        "deploy": deploy(unit),
    }
    if unit.is_edge:
        found["ports"] = [{"target": unit.http_port, "published": 8080, "protocol": "tcp", "mode": "host"}]
    return found


def container(deployment: Deployment) -> dict[str, Any]:
    """Return what every container has: nothing it could write to or rise by."""
    return {
        "image": deployment.image,
        "read_only": True,
        "cap_drop": ["ALL"],
        "volumes": [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 16 * 1024 * 1024}}],  # noqa: S108 - its own
        "logging": LOGGING,
    }


def deploy(unit: Unit) -> dict[str, Any]:
    """Return how a service is spread, rolled and brought back.

    A new task starts before the old one stops. The edge holds a port of its node, so it runs once on each and the old
    one stops first; what balances before the nodes leaves one out while it drains.
    """
    order = "stop-first" if unit.is_edge else "start-first"
    rolled = {"parallelism": 1, "delay": "2s", "monitor": MONITOR, "max_failure_ratio": 0, "order": order}
    spread: dict[str, Any] = (
        {"mode": "global"}
        if unit.is_edge
        else {
            "mode": "replicated",
            "replicas": unit.replicas,
            "placement": {"preferences": [{"spread": "node.id"}]},
        }
    )
    return {
        **spread,
        "endpoint_mode": "dnsrr",  # services balance by the registry
        "update_config": {**rolled, "failure_action": "rollback"},
        "rollback_config": {**rolled, "failure_action": "pause"},
        "restart_policy": {"condition": "any", "delay": "2s"},
        "resources": {
            "reservations": {"cpus": f"{unit.cpu_m / 1000:g}", "memory": f"{unit.memory_mb}M"},
            "limits": {"memory": f"{unit.most_memory_mb}M"},
        },
    }


def migration(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the task that migrates a database once per release; when it is done it stays done."""
    secret = unit.database_secret
    return {
        **container(deployment),
        "command": ["migrate", unit.name],
        "environment": {secret.variable: f"{SECRETS_DIR}/{secret.name}"},
        "secrets": [mounted(unit, secret)],
        "networks": [NETWORK],
        "healthcheck": {"disable": True},
        "deploy": {
            "mode": "replicated",
            "replicas": 1,
            "endpoint_mode": "dnsrr",
            "update_config": {"order": "stop-first", "failure_action": "continue"},
            "restart_policy": {"condition": "on-failure", "delay": "3s", "max_attempts": 20},
            "resources": {"limits": {"memory": "256M"}},
        },
    }


def mounted(unit: Unit, secret: Secret) -> dict[str, Any]:
    """Return a secret as the file that the user of the image alone can read."""
    return {
        "source": source(unit, secret),
        "target": secret.name,
        "uid": str(USER),
        "gid": str(USER),
        "mode": 0o400,
    }


def readme(deployment: Deployment) -> str:
    """Return what an operator does with the folder."""
    name = deployment.name
    secrets = "".join(
        f"    {name}_{source(unit, secret):<32} {secret.example}\n"
        for unit in deployment.units
        for secret in unit.secrets
    )
    return f"""# Autional on Docker Swarm: stack `{deployment.stack}`

Written by `autional export swarm`; run it again after a change of services or stack. `stack.yaml` is replaced then,
`override.yaml` is yours.

## Once

    autional image build --tag {deployment.image}        # push it to a registry that every node reaches
    autional export keys -o keys                # signing and sealing keys; keep them where you keep secrets
    docker config create {name}_trust keys/trust.json
    docker secret create {name}_identity_private_key keys/identity/private_key   # and so on, as listed below

## A release

    docker stack deploy --with-registry-auth -c stack.yaml -c override.yaml {name}

The `migrate-…` services run to their end; the others wait until their schema is there, old tasks serve meanwhile. A
task that does not become healthy is rolled back.

All services are rolled at the same time. Where that is more than the nodes can carry beside their users, roll one after
the other: `docker service update --image IMAGE {name}_session`, and so on; the next deploy finds nothing left to do.

The gateway runs on every node and holds port 8080 there. Put a balancer before the nodes that asks `/readyz`: it leaves
a gateway out as soon as it drains. Swarm's own routing mesh would work as well, without the address of the client.

## Secrets

{secrets}"""
