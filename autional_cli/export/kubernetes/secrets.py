"""Secrets as an example: what an operator has to create, and never a value of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.export.kubernetes.labels import object_of
from autional_cli.export.kubernetes.workload import secret_name

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment

COMMENT = """What the Secrets of the services must contain. Every value is a placeholder; no file refers to this one.
Create them with what your cluster uses for it (External Secrets, Sealed Secrets, SOPS, Vault), or by hand:

  autional export keys -o keys
  kubectl -n NAMESPACE create secret generic identity-secrets --from-file=keys/identity \\
    --from-file=database_url=FILE --from-file=bus_url=FILE --from-file=cache_url=FILE

Each service has a role of its own in its own database, and a user of its own at the bus.
Passwords are percent-encoded in URLs."""


def examples(deployment: Deployment) -> list[dict[str, Any]]:
    """Return one Secret per service with placeholders."""
    return [
        {
            **object_of(deployment, "v1", "Secret", secret_name(unit), unit),
            "type": "Opaque",
            "stringData": {secret.name: secret.example for secret in unit.secrets},
        }
        for unit in deployment.units
    ]
