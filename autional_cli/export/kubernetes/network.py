"""Who may talk to whom: nobody, except as the SPECs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.export.deployment import HTTPS, PORTS, TELEMETRY_PORTS
from autional_cli.export.kubernetes.labels import object_of, selector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.export.deployment import Deployment, Unit

COMMENT = """Nothing may talk to anything; each service's own file says what it may.
Probes come from the node, which network policies do not concern."""
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
CLUSTER_DNS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
# A resource may be a pod of any namespace or a managed server; the cloud's metadata service is neither.
ANYWHERE = [
    {"namespaceSelector": {}},
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
]


def defaults(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the policies of the namespace: nothing goes in or out, except questions for names."""
    deny = object_of(deployment, "networking.k8s.io/v1", "NetworkPolicy", "default-deny")
    names = object_of(deployment, "networking.k8s.io/v1", "NetworkPolicy", "allow-dns")
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    everyone: dict[str, Any] = {}
    return [
        {**deny, "spec": {"podSelector": everyone, "policyTypes": ["Ingress", "Egress"]}},
        {
            **names,
            "spec": {
                "podSelector": everyone,
                "policyTypes": ["Egress"],
                "egress": [{"to": [CLUSTER_DNS], "ports": ports}],
            },
        },
        *(migration(deployment, unit) for unit in deployment.units if unit.migrates),
    ]


def migration(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the policy of a migration job: its database and nothing else."""
    name = f"migrate-{unit.name}"
    chosen = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": deployment.name}
    return {
        **object_of(deployment, "networking.k8s.io/v1", "NetworkPolicy", name, unit),
        "spec": {
            "podSelector": {"matchLabels": chosen},
            "policyTypes": ["Egress"],
            "egress": [{"to": ANYWHERE, "ports": tcp(PORTS["postgres"])}],
        },
    }


def policy(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the policy of a service: in from its callers, out to its callees and to its own resources."""
    units = {each.name: each for each in deployment.units}
    return {
        **object_of(deployment, "networking.k8s.io/v1", "NetworkPolicy", unit.name, unit),
        "spec": {
            "podSelector": {"matchLabels": selector(deployment, unit)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": list(ingress(deployment, unit, units)),
            "egress": list(egress(deployment, unit, units)),
        },
    }


def ingress(deployment: Deployment, unit: Unit, units: dict[str, Unit]) -> Iterable[dict[str, Any]]:
    """Yield who may come in."""
    if unit.is_edge:
        yield {"ports": named(["http"])}
        return
    callers = [{"podSelector": {"matchLabels": selector(deployment, units[name])}} for name in unit.callers]
    yield {"from": callers, "ports": named(unit.ports)}
    yield {"from": [MONITORING], "ports": named(["http"])}


def egress(deployment: Deployment, unit: Unit, units: dict[str, Unit]) -> Iterable[dict[str, Any]]:
    """Yield where the service may go."""
    for name in unit.callees:
        other = units[name]
        yield {
            "to": [{"podSelector": {"matchLabels": selector(deployment, other)}}],
            "ports": tcp(other.ports.values()),
        }
    ports = {port for backend in unit.backends for port in PORTS.get(backend, HTTPS)}
    yield {"to": ANYWHERE, "ports": tcp(sorted({*ports, *TELEMETRY_PORTS}))}


def named(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return ports of our own pods by name."""
    return [{"protocol": "TCP", "port": name} for name in names]


def tcp(ports: Iterable[int]) -> list[dict[str, Any]]:
    """Return ports of others by number."""
    return [{"protocol": "TCP", "port": port} for port in ports]
