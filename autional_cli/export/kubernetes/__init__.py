"""Kubernetes manifests: a base that kustomize builds, an overlay that a person keeps, secrets as an example only."""
