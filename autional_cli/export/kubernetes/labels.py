"""Names and labels of objects (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment, Unit

PART_OF = "autional"
NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def object_of(
    deployment: Deployment, api: str, kind: str, name: str, unit: Unit | None = None, *, namespaced: bool = True
) -> dict[str, Any]:
    """Return the head of an object."""
    metadata: dict[str, Any] = {"name": name}
    if namespaced:
        metadata["namespace"] = deployment.name
    metadata["labels"] = labels(deployment, unit) if unit else common(deployment)
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def common(deployment: Deployment) -> dict[str, str]:
    """Return the labels of what belongs to no service."""
    return {
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/instance": deployment.name,
        "app.kubernetes.io/managed-by": "autional-export",
    }


def labels(deployment: Deployment, unit: Unit) -> dict[str, str]:
    """Return the labels of a service's objects and pods."""
    return {
        **selector(deployment, unit),
        "app.kubernetes.io/component": unit.component,
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/version": deployment.version,
        "app.kubernetes.io/managed-by": "autional-export",
    }


def selector(deployment: Deployment, unit: Unit) -> dict[str, str]:
    """Return what selects a service's pods. A Deployment's selector can never be changed: no version in it."""
    return {"app.kubernetes.io/name": unit.name, "app.kubernetes.io/instance": deployment.name}
