"""The Kubernetes manifests: valid by the schemas of Kubernetes, closed, and fitting together."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

K8S = Path(__file__).parents[2] / "docker" / "k8s"
FOLDERS = sorted(path.parent.name for path in K8S.glob("*/kustomization.yaml"))
VERSION = "1.32"
Manifest = dict[str, Any]
needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not there")


def written(folder: str) -> list[Manifest]:
    """Return the manifests that the folder's kustomization lists, as they are written."""
    names = yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())["resources"]
    files = [K8S / folder / name for name in names]
    return [
        each
        for file in files
        if file.is_file()
        for each in yaml.safe_load_all(file.read_text("utf-8"))
    ]


@cache
def rendered(folder: str) -> list[Manifest]:
    """Return what `kubectl apply -k` would send."""
    command = ["kubectl", "kustomize", str(K8S / folder)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(found.stdout))


def pods(manifests: list[Manifest]) -> list[tuple[str, Manifest]]:
    found = [one for one in manifests if one["kind"] in ("Deployment", "Job")]
    return [(f"{one['kind']} {one['metadata']['name']}", one["spec"]["template"]) for one in found]


def check_valid(manifests: list[Manifest]) -> None:
    assert manifests
    for one in manifests:
        kubernetes_validate.validate(one, VERSION, strict=True)


def check_closed(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], (name, container["name"])
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
        mounts = {each["name"] for c in spec["containers"] for each in c["volumeMounts"]}
        mounts |= {e["name"] for c in spec.get("initContainers", []) for e in c["volumeMounts"]}
        assert mounts == {each["name"] for each in spec["volumes"]}, name


@pytest.mark.parametrize("folder", FOLDERS)
def test_manifests_are_valid_and_closed(folder: str) -> None:
    manifests = written(folder)
    if folder != "gpu":  # which consists of changes to flink/
        check_valid(manifests)
    check_closed(manifests)
    for name, pod in pods(manifests):
        if name.startswith("Deployment"):
            for container in pod["spec"]["containers"]:
                assert "livenessProbe" in container, (name, container["name"])
                assert container["resources"]["limits"]["memory"], (name, container["name"])


@needs_kubectl
@pytest.mark.parametrize("folder", FOLDERS)
def test_what_kustomize_makes_of_them_is_valid_and_closed(folder: str) -> None:
    manifests = rendered(folder)
    check_valid(manifests)
    check_closed(manifests)


@needs_kubectl
def test_a_gpu_is_asked_for_by_the_workers_of_the_scoring_pool_alone() -> None:
    def holders(folder: str) -> list[str]:
        return [
            container["name"]
            for _, pod in pods(rendered(folder))
            for container in pod["spec"]["containers"]
            if "nvidia.com/gpu" in container["resources"].get("limits", {})
        ]

    assert holders("flink") == []
    assert holders("build") == []
    assert holders("gpu") == ["worker"]
    assert holders("train") == ["trainer"]


@needs_kubectl
@pytest.mark.parametrize("folder", ["flink", "gpu"])
def test_services_find_the_pods_of_their_own_cluster_only(folder: str) -> None:
    every = [(folder, *pod) for folder in ("flink", "gpu") for pod in pods(rendered(folder))]
    services = [one for one in rendered(folder) if one["kind"] == "Service"]
    assert len(services) == 2
    for service in services:
        wanted = service["spec"]["selector"].items()
        found = [
            (where, name) for where, name, pod in every
            if wanted <= pod["metadata"]["labels"].items()
        ]  # fmt: skip
        assert found == [(folder, f"Deployment {service['metadata']['name']}")]


@needs_kubectl
@pytest.mark.parametrize("folder", ["flink", "gpu"])
def test_addresses_name_services_that_there_are(folder: str) -> None:
    manifests = rendered(folder)
    services = {one["metadata"]["name"] for one in manifests if one["kind"] == "Service"}
    (config,) = [one for one in manifests if one["kind"] == "ConfigMap"]
    settings = yaml.safe_load(config["data"]["config.yaml"])
    assert settings["jobmanager"]["rpc"]["address"] in services
    assert settings["rest"]["address"] in services
    (server,) = [pod for name, pod in pods(manifests) if "job-server" in name]
    (master,) = [a for a in server["spec"]["containers"][0]["args"] if "--flink-master" in a]
    assert master.partition("=")[2].partition(":")[0] in services
