"""How many pods there are: under load, and while nodes are emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.export.kubernetes.labels import object_of, selector

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment, Unit

BUSY_PERCENT = 70  # of the processor time that is requested
CALM_S = 300


def autoscaler(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the autoscaler: quick to add, slow to take away, one pod at a time, because each is drained."""
    return {
        **object_of(deployment, "autoscaling/v2", "HorizontalPodAutoscaler", unit.name, unit),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": unit.name},
            "minReplicas": unit.replicas,
            "maxReplicas": unit.most_replicas,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": BUSY_PERCENT},
                    },
                }
            ],
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": CALM_S,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                }
            },
        },
    }


def budget(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the disruption budget: one pod at a time, which never stops a node from being emptied."""
    return {
        **object_of(deployment, "policy/v1", "PodDisruptionBudget", unit.name, unit),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(deployment, unit)},
        },
    }
