"""The manifests of the HTTP service: its probes, its key, who may call it, and what ends it."""

from __future__ import annotations

from functools import cache
from typing import Any

from test_manifests import needs_kubectl, rendered, written

from skypile.cli import serve
from skypile.cli.main import Parser


@cache
def parts() -> dict[str, Any]:
    return {one["kind"]: one for one in written("serve")}


def container() -> dict[str, Any]:
    (found,) = parts()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return found


def test_the_command_knows_the_arguments_and_the_drain_fits_into_the_grace() -> None:
    parser = Parser(prog="skypile serve")
    serve.add_arguments(parser)
    args = parser.parse_args(["--host", "0.0.0.0", *container()["args"]])
    pod = parts()["Deployment"]["spec"]["template"]["spec"]
    pause = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause + args.drain_seconds < pod["terminationGracePeriodSeconds"]
    mounts = {each["name"]: each["mountPath"] for each in container()["volumeMounts"]}
    assert str(args.api_key_file).startswith(mounts["keys"] + "/")
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert secret["secretName"] == "skypile-serve-keys"
    assert "Secret" not in parts()  # no key stands in the repository


def test_probes_ask_what_the_service_answers() -> None:
    paths = {name: container()[name]["httpGet"]["path"] for name in (
        "startupProbe", "readinessProbe", "livenessProbe")}  # fmt: skip
    # A service that drains or loads is not ended for it.
    assert paths == {
        "startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz",
    }  # fmt: skip


def test_selectors_mean_the_pods_of_the_service() -> None:
    labels = parts()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert parts()["Service"]["spec"]["selector"] == labels
    assert parts()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    scaled = parts()["HorizontalPodAutoscaler"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == parts()["Deployment"]["metadata"]["name"]
    assert "replicas" not in parts()["Deployment"]["spec"]  # or each apply would undo its work
    assert scaled["minReplicas"] > parts()["PodDisruptionBudget"]["spec"]["maxUnavailable"]


def test_the_service_calls_nobody() -> None:
    policy = parts()["NetworkPolicy"]["spec"]
    assert policy["egress"] == []
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert all("namespaceSelector" in peer for rule in policy["ingress"] for peer in rule["from"])


@needs_kubectl
def test_all_of_it_is_in_a_namespace_of_its_own() -> None:
    for one in rendered("serve"):
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == "skypile-serve"
