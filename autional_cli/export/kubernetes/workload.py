"""What runs: accounts, deployments, their services, and the jobs that migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.export.deployment import GRACE_S, SCHEMA_WAIT_S, SECRETS_DIR, TRUST_FILE, USER
from autional_cli.export.kubernetes.labels import labels, object_of, selector

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment, Unit

CONFIG = "autional-config"
TRUST = "autional-trust"
MIGRATION_COMMENT = """One job per database, with the secret of that database alone. A job cannot be changed: delete the
old ones before a release (README.md has the commands). Services wait until their schema is there,
so the order of an apply is free."""
COMMENT = """The Deployment names no replicas: the autoscaler owns their number. No limit for the processor: it would
slow a drain down as well. Calls between services go to pods by the registry, so only the gateway needs an address."""
STARTUP_EVERY_S = 2
MIGRATION_S = 900
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


def secret_name(unit: Unit) -> str:
    """Return the name of the Secret of a service."""
    return f"{unit.name}-secrets"


def service_account(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """Return an account that may do nothing: no service talks to the API of Kubernetes."""
    account = object_of(deployment, "v1", "ServiceAccount", unit.name, unit)
    return {**account, "automountServiceAccountToken": False}


def deployment(plan: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the Deployment. It names no replicas: the autoscaler owns their number."""
    return {
        **object_of(plan, "apps/v1", "Deployment", unit.name, unit),
        "spec": {
            "selector": {"matchLabels": selector(plan, unit)},
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": SCHEMA_WAIT_S + 120,
            "minReadySeconds": 5,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": labels(plan, unit)}, "spec": pod(plan, unit)},
        },
    }


def pod(plan: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the pod of a service."""
    return {
        "serviceAccountName": unit.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": POD_SECURITY,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(plan, unit)},
                "matchLabelKeys": ["pod-template-hash"],
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [container(plan, unit)],
        "volumes": volumes(unit, [secret.name for secret in unit.secrets]),
    }


def container(plan: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the container of a service."""
    return {
        "name": unit.name,
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [unit.name],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in unit.ports.items()],
        "envFrom": [{"configMapRef": {"name": CONFIG}}],
        "env": [
            # Unique for each pod: it names the consumer on the bus and the entry in the registry.
            {"name": "AUTIONAL_REPLICA", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "AUTIONAL_ADVERTISE_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            *({"name": name, "value": value} for name, value in unit.variables.items()),
        ],
        **probes(),
        "lifecycle": {"preStop": {"exec": {"command": ["python", "-m", "services.chassis", "drain"]}}},
        "resources": resources(unit),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts(),
    }


def probes() -> dict[str, Any]:
    """Return the three probes; a database that is away takes a pod out of service and never restarts it."""

    def probe(path: str, **numbers: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "http"}, **numbers}

    tries = (SCHEMA_WAIT_S + 60) // STARTUP_EVERY_S
    return {
        "startupProbe": probe("/startupz", periodSeconds=STARTUP_EVERY_S, timeoutSeconds=2, failureThreshold=tries),
        "readinessProbe": probe("/readyz", periodSeconds=5, timeoutSeconds=3, failureThreshold=2),
        "livenessProbe": probe("/healthz", periodSeconds=10, timeoutSeconds=3, failureThreshold=3),
    }


def resources(unit: Unit) -> dict[str, Any]:
    """Return what the scheduler sets aside, and where memory ends."""
    return {
        "requests": {"cpu": f"{unit.cpu_m}m", "memory": f"{unit.memory_mb}Mi"},
        "limits": {"memory": f"{unit.most_memory_mb}Mi"},
    }


def mounts() -> list[dict[str, Any]]:
    """Return what is mounted where; the rest of the file system is read-only."""
    return [
        {"name": "secrets", "mountPath": SECRETS_DIR, "readOnly": True},
        {"name": "trust", "mountPath": TRUST_FILE.rpartition("/")[0], "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
    ]


def volumes(unit: Unit, keys: list[str]) -> list[dict[str, Any]]:
    """Return the volumes of a pod that needs those secrets of a service."""
    return [
        {
            "name": "secrets",
            "secret": {
                "secretName": secret_name(unit),
                "defaultMode": 0o440,
                "items": [{"key": key, "path": key} for key in keys],
            },
        },
        {"name": "trust", "configMap": {"name": TRUST}},
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
    ]


def service(plan: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the Service: an address of its own for the edge; for the others names of their pods only.

    Services find each other in the registry and balance calls themselves, gRPC included.
    """
    ports = [
        {
            "name": name,
            "port": 80 if unit.is_edge else port,
            "targetPort": name,
            "protocol": "TCP",
            "appProtocol": "http" if name == "http" else "kubernetes.io/h2c",
        }
        for name, port in unit.ports.items()
    ]
    spec: dict[str, Any] = {"type": "ClusterIP"} if unit.is_edge else {"clusterIP": "None"}
    return {
        **object_of(plan, "v1", "Service", unit.name, unit),
        "spec": {**spec, "selector": selector(plan, unit), "ports": ports},
    }


def migration(plan: Deployment, unit: Unit) -> dict[str, Any]:
    """Return the job that brings a service's database to the revision of this release."""
    name = f"migrate-{unit.name}"
    head = object_of(plan, "batch/v1", "Job", name, unit)
    own = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "migration"}
    head["metadata"]["labels"] |= own
    head["metadata"]["annotations"] = {  # where Argo CD applies this: before the rest, and the old one goes
        "argocd.argoproj.io/hook": "Sync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }
    secret = unit.database_secret
    work = {
        "name": "migrate",
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["migrate", unit.name],
        "env": [{"name": secret.variable, "value": f"{SECRETS_DIR}/{secret.name}"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [mount for mount in mounts() if mount["name"] != "trust"],
    }
    spec = {
        "serviceAccountName": unit.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "OnFailure",
        "securityContext": POD_SECURITY,
        "containers": [work],
        "volumes": [volume for volume in volumes(unit, [secret.name]) if volume["name"] != "trust"],
    }
    return {
        **head,
        "spec": {
            "backoffLimit": 4,
            "activeDeadlineSeconds": MIGRATION_S,
            "ttlSecondsAfterFinished": 86400,
            "template": {"metadata": {"labels": labels(plan, unit) | own}, "spec": spec},
        },
    }
