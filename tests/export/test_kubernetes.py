"""The manifests: against the schemas of the API, and as somebody reads them who runs clusters."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from autional_cli.export.kubernetes import files
from tests.export.stacks import IMAGE, STACKS, described

NEWEST = "1.37"  # the newest there is; 1.30 is the oldest that knows every field we write
KUSTOMIZE = "kustomize.config.k8s.io/v1beta1"


@cache
def objects(stack: str = "full") -> list[dict[str, Any]]:
    """Return every object of an export, the operator's examples included."""
    written = {**files.ours(described(stack)), **files.theirs(described(stack))}
    found = [each for path, text in written.items() if path.endswith(".yaml") for each in yaml.safe_load_all(text)]
    return [each for each in found if each["apiVersion"] != KUSTOMIZE]


def of(kind: str, stack: str = "full") -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in objects(stack) if each["kind"] == kind}


@pytest.mark.parametrize(("stack", "version"), [("full", "1.30"), *((stack, NEWEST) for stack in STACKS)])
def test_every_object_keeps_to_the_schema_of_the_api(stack: str, version: str) -> None:
    for each in objects(stack):
        kubernetes_validate.validate(each, version, strict=True)


def test_the_schemas_would_notice_an_unknown_field() -> None:
    broken = {**of("Deployment")["identity"]}
    broken["spec"] = {**broken["spec"], "replica": 3}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, NEWEST, strict=True)


@pytest.mark.parametrize("stack", STACKS)
def test_every_service_of_the_stack_has_all_that_belongs_to_it(stack: str) -> None:
    names = {unit.name for unit in described(stack).units}
    for kind in ("ServiceAccount", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert set(of(kind, stack)) == names, kind
    assert set(of("NetworkPolicy", stack)) > names | {"default-deny", "allow-dns"}
    assert set(of("Secret", stack)) == {f"{name}-secrets" for name in names}


def test_pods_meet_the_restricted_standard_and_cannot_write() -> None:
    templates = [*of("Deployment").values(), *of("Job").values()]
    assert of("Namespace")["autional"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for each in templates:
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["image"] == IMAGE


def test_the_grace_period_outlasts_the_drain() -> None:
    told = dict(
        line.split("=", 1) for line in files.ours(described())["base/config.env"].splitlines() if line[0] != "#"
    )
    for each in of("Deployment").values():
        pod = each["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] >= float(told["AUTIONAL_SHUTDOWN_TIMEOUT_S"]) + 5
        hook = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        assert hook == ["python", "-m", "services.chassis", "drain"]


def test_a_selector_says_nothing_that_a_release_changes() -> None:
    newer = described(image="registry.example/team/autional:2.0.0")
    before, after = of("Deployment")["identity"], yaml.safe_load_all(files.ours(newer)["base/identity.yaml"])
    changed = next(each for each in after if each["kind"] == "Deployment")
    assert before["spec"]["selector"] == changed["spec"]["selector"]
    assert before["spec"]["template"]["metadata"]["labels"] != changed["spec"]["template"]["metadata"]["labels"]


def test_every_selector_finds_the_pods_it_is_meant_for() -> None:
    for name, each in of("Deployment").items():
        labels = each["spec"]["template"]["metadata"]["labels"]
        selectors = [
            each["spec"]["selector"]["matchLabels"],
            of("Service")[name]["spec"]["selector"],
            of("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"],
            of("NetworkPolicy")[name]["spec"]["podSelector"]["matchLabels"],
        ]
        for selector in selectors:
            assert selector.items() <= labels.items()
        for other, job in of("Job").items():
            assert not selectors[0].items() <= job["spec"]["template"]["metadata"]["labels"].items(), (name, other)


def test_only_callers_and_the_gateway_may_come_in() -> None:
    def allowed(name: str) -> set[str]:
        rules = of("NetworkPolicy")[name]["spec"]["ingress"]
        peers = [peer for rule in rules for peer in rule.get("from", [])]
        return {p["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for p in peers if "podSelector" in p}

    assert allowed("session") == {"gateway", "identity"}
    assert allowed("mfa") == {"gateway", "identity"}
    assert allowed("audit") == {"gateway"}
    assert of("NetworkPolicy")["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all("from" not in rule for rule in of("NetworkPolicy")["gateway"]["spec"]["ingress"])


def test_what_may_go_out_on_one_side_may_come_in_on_the_other() -> None:
    policies = of("NetworkPolicy")
    ports = {unit.name: unit.ports for unit in described().units}
    for unit in described().units:
        for rule in policies[unit.name]["spec"]["egress"]:
            for peer in rule["to"]:
                other = peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name")
                if other is None:
                    continue
                admitted = [r for r in policies[other]["spec"]["ingress"] if unit.name in json.dumps(r.get("from", []))]
                named = {ports[other][port["port"]] for r in admitted for port in r["ports"]}
                assert {port["port"] for port in rule["ports"]} == named


def test_a_service_reaches_its_own_kind_of_database_and_no_other() -> None:
    def out(name: str) -> set[int]:
        rules = of("NetworkPolicy")[name]["spec"]["egress"]
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert 5432 in out("identity")
    assert 27017 not in out("identity")
    assert 27017 in out("audit")
    assert 5432 not in out("audit")
    assert not {5432, 27017} & out("gateway")


def test_the_secrets_are_placeholders_that_cover_what_services_read() -> None:
    for name, each in of("Deployment").items():
        secret = of("Secret")[f"{name}-secrets"]["stringData"]
        volumes = each["spec"]["template"]["spec"]["volumes"]
        read = {item["key"] for volume in volumes for item in volume.get("secret", {}).get("items", [])}
        assert read == set(secret)
        assert all("PASSWORD" in value or "autional export keys" in value for value in secret.values())


def test_migrations_get_the_secret_of_their_database_alone() -> None:
    for name, job in of("Job").items():
        volumes = job["spec"]["template"]["spec"]["volumes"]
        read = [item["key"] for volume in volumes for item in volume.get("secret", {}).get("items", [])]
        assert read == ["database_url"], name
    assert {job.removeprefix("migrate-") for job in of("Job")} == {u.name for u in described().units if u.migrates}


def test_kustomize_is_told_of_every_file_and_of_no_other() -> None:
    written = files.ours(described())
    kustomization = yaml.safe_load(written["base/kustomization.yaml"])
    there = {path.removeprefix("base/") for path in written if path.startswith("base/") and path.endswith(".yaml")}
    assert set(kustomization["resources"]) == there - {"kustomization.yaml"}
    overlay = yaml.safe_load(files.theirs(described())["overlays/example/kustomization.yaml"])
    assert overlay["images"] == [{"name": "registry.example/team/autional", "newTag": "1.4.0"}]


def test_the_same_stack_is_written_the_same_way() -> None:
    assert files.ours(described()) == files.ours(described())
