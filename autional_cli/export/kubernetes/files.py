"""Which manifest stands in which file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.export import text
from autional_cli.export.kubernetes import network, overlay, scaling, secrets, workload
from autional_cli.export.kubernetes.labels import NAMESPACE_LABELS, object_of

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment, Unit


def ours(deployment: Deployment) -> dict[str, str]:
    """Return the files that every export writes anew."""
    services = {f"base/{unit.name}.yaml": documents(deployment, unit) for unit in deployment.units}
    rest = {
        "base/namespace.yaml": text.documents([namespace(deployment)], text.HEADER),
        "base/network.yaml": text.documents(network.defaults(deployment), f"{text.HEADER}\n{network.COMMENT}"),
        "base/migrations.yaml": text.documents(
            [workload.migration(deployment, unit) for unit in deployment.units if unit.migrates],
            f"{text.HEADER}\n{workload.MIGRATION_COMMENT}",
        ),
        "base/config.env": text.variables(dict(deployment.variables), f"{text.HEADER}\n{overlay.CONFIG_COMMENT}"),
    }
    resources = sorted(path.removeprefix("base/") for path in {**services, **rest} if path.endswith(".yaml"))
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": deployment.name,
        "resources": resources,
        "configMapGenerator": [{"name": workload.CONFIG, "envs": ["config.env"]}],
    }
    return {
        **services,
        **rest,
        "base/kustomization.yaml": text.documents([kustomization], f"{text.HEADER}\n{overlay.GENERATED}"),
        "secrets.example.yaml": text.documents(secrets.examples(deployment), secrets.COMMENT),
        "README.md": overlay.readme(deployment),
    }


def theirs(deployment: Deployment) -> dict[str, str]:
    """Return the files that are written once and belong to the operator from then on."""
    return overlay.files(deployment)


def documents(deployment: Deployment, unit: Unit) -> str:
    """Return everything of one service."""
    objects: list[dict[str, Any]] = [
        workload.service_account(deployment, unit),
        workload.deployment(deployment, unit),
        workload.service(deployment, unit),
        scaling.autoscaler(deployment, unit),
        scaling.budget(deployment, unit),
        network.policy(deployment, unit),
    ]
    return text.documents(objects, f"{unit.name}: {unit.summary}\n{text.HEADER}\n{workload.COMMENT}")


def namespace(deployment: Deployment) -> dict[str, Any]:
    """Return the namespace, in which Kubernetes refuses every pod that could do more than ours need."""
    found = object_of(deployment, "v1", "Namespace", deployment.name, namespaced=False)
    found["metadata"]["labels"] |= NAMESPACE_LABELS
    return found
