"""The Dockerfile: no finding of hadolint, versions that are those of constraints.txt."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([str(hadolint), str(DOCKERFILE)], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_harness_is_of_the_pinned_beam() -> None:
    text = DOCKERFILE.read_text("utf-8")
    pinned = re.search(r"^apache-beam==(.*)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned is not None
    assert f"ARG BEAM={pinned[1]}\n" in text
    server = (ROOT / "docker/k8s/flink/job-server.yaml").read_text("utf-8")
    assert f"job_server:{pinned[1]}\n" in server


def test_what_is_copied_is_let_through_to_the_builder() -> None:
    copied = {
        name.removeprefix("./")
        for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE.read_text("utf-8"), re.M)
        for name in line.split()
    }
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_what_the_images_hold_is_pinned() -> None:
    """Packages of the extras that no test imports as well: here they need not be installed."""
    pins = (ROOT / "constraints.txt").read_text("utf-8").lower().replace("_", "-")
    for name in (
        "google-cloud-storage",
        "google-apitools",
        "google-cloud-dataflow-client",
        "boto3",
        "setuptools",
    ):
        assert f"\n{name}==" in pins


def test_every_image_runs_as_a_user() -> None:
    targets = re.split(r"^FROM ", DOCKERFILE.read_text("utf-8"), flags=re.M)[1:]
    images = [target for target in targets if "ENTRYPOINT" in target]
    assert len(images) == 4
    for image in images:
        assert re.findall(r"^USER (.*)$", image, re.M)[-1] == "10001:10001"
        assert "HEALTHCHECK" in image


def test_every_image_has_checks() -> None:
    spec = importlib.util.spec_from_file_location("skypile_images", ROOT / "docker/check.py")
    assert spec is not None and spec.loader is not None
    check = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = check
    spec.loader.exec_module(check)
    targets = re.split(r"^FROM ", DOCKERFILE.read_text("utf-8"), flags=re.M)
    images = {re.match(r"\S+ AS (\S+)", target)[1] for target in targets if "ENTRYPOINT" in target}
    assert set(check.CHECKS) == images
    compile(check.ASK, "ASK", "exec")
