"""The operator's part: written once as an example, kept from then on. And what to do with all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.export import text
from autional_cli.export.kubernetes.labels import object_of
from autional_cli.export.kubernetes.workload import CONFIG, TRUST

if TYPE_CHECKING:
    from autional_cli.export.deployment import Deployment

CONFIG_COMMENT = "What all services are told. An overlay changes it by a configMapGenerator with `behavior: merge`."
GENERATED = "The generator adds a digest to the name of the ConfigMap, so a change of it rolls every service."
CERTIFICATE = "gateway-tls"  # made by cert-manager, for instance
KEPT = "Yours: `autional export` wrote it once as an example and never touches it again."


def files(deployment: Deployment) -> dict[str, str]:
    """Return the overlay `example`."""
    repository = deployment.image.partition("@")[0]
    head, separator, tail = repository.rpartition(":")
    name, tag = (head, tail) if separator and "/" not in tail else (repository, "")
    image = {"name": name, **({"newTag": tag} if tag else {})}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": deployment.name,
        "resources": ["../../base", "ingress.yaml"],
        "images": [image],
        "configMapGenerator": [
            {"name": CONFIG, "behavior": "merge", "envs": ["config.env"]},
            {"name": TRUST, "files": ["trust.json"]},
        ],
    }
    return {
        "overlays/example/kustomization.yaml": text.documents([kustomization], KEPT),
        "overlays/example/config.env": text.variables(
            {key: deployment.variables[key] for key in ("AUTIONAL_PUBLIC_URL", "AUTIONAL_MAIL_FROM")}
            | {
                "AUTIONAL_OTLP_ENDPOINT": "http://otel-collector.observability.svc:4318",
                "AUTIONAL_GATEWAY_TRUSTED_PROXIES": "[]",
            },
            KEPT,
        ),
        "overlays/example/trust.json": '{"keys": []}\n',
        "overlays/example/ingress.yaml": ingress(deployment),
    }


def ingress(deployment: Deployment) -> str:
    """Return an Ingress to start from; the gateway's Service is what it leads to."""
    host = "autional.example.com"
    backend = {"service": {"name": "gateway", "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    value = {
        **object_of(deployment, "networking.k8s.io/v1", "Ingress", "gateway"),
        "spec": {
            "tls": [{"hosts": [host], "secretName": CERTIFICATE}],
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    }
    comment = f"""{KEPT}
The gateway counts requests by the address they come from. Behind a proxy that is X-Forwarded-For, if the proxy is in
AUTIONAL_GATEWAY_TRUSTED_PROXIES (config.env); without one, the address of its peer."""
    return text.documents([value], comment)


def readme(deployment: Deployment) -> str:
    """Return what an operator does with the folder."""
    space = deployment.name
    names = ", ".join(unit.name for unit in deployment.units)
    return f"""# Autional on Kubernetes: stack `{deployment.stack}`

Written by `autional export kubernetes`; run it again after a change of services or stack. `base/` is replaced then,
`overlays/` is yours. Services: {names}.

You bring PostgreSQL (a database and a role of the same name for each service), MongoDB where a service has it, two
Redis-compatible servers (bus: append-only file and `noeviction`; cache: `allkeys-lru`), SMTP, and, if you want traces,
an OTLP/HTTP collector. Autoscalers need the metrics server, network policies a network plugin that enforces them.

## Once

    autional image build --tag {deployment.image}
    docker push {deployment.image}
    autional export keys -o keys              # signing and sealing keys; keep them where you keep secrets
    cp keys/trust.json overlays/example/      # public keys: no secret
    kubectl apply -f base/namespace.yaml
    # the Secrets that secrets.example.yaml describes, then:
    kubectl apply -k overlays/example

## A release

    kubectl -n {space} delete job -l app.kubernetes.io/component=migration --ignore-not-found
    kubectl apply -k overlays/example
    kubectl -n {space} wait --for=condition=complete job -l app.kubernetes.io/component=migration --timeout=15m
    kubectl -n {space} rollout status deployment --timeout=10m

New pods wait for their schema, old ones serve meanwhile; migrations stay compatible with the release before, so
`kubectl rollout undo` needs no migration.

## A stop

The hook `python -m services.chassis drain` drains the pod and prints a report: readiness is withdrawn, requests in
flight are answered, messages acknowledged, the outbox emptied. The grace period is longer than the longest drain.
"""
