"""Beam's portable job service: the same bytes with workers in the driver and in another process.

The first by --runner=Flink, as a user calls it: Beam starts Flink's job server then, which here is
a program that keeps what it was called with; at the port that it was given the job service answers.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from beam_corpus import SAMPLE, Built, build

RECIPE = """
name: portable
steps:
  - stages: [counts, language]
    rules:
      - {reason: empty, column: chars_count, min: 1, source: this test}
      - {reason: wrong_language, column: domain, in: [en, zh, code], source: this test}
dedup: {threshold: 0.8}
"""
JOB_SERVICE = "from apache_beam.runners.portability.local_job_service_main import run; run({!r})"
# As Beam's worker_pool_main does, but each job's worker is a thread of the pool and not one more
# process that loads Beam first: eight pipelines would wait for eight of them.
WORKER_POOL = """
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
_, server = BeamFnExternalWorkerPoolServicer.start(port={})
server.wait_for_termination()
"""
INPUTS = (SAMPLE / "web-en.jsonl", SAMPLE / "web-zh.jsonl", SAMPLE / "code")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def served(program: str, port: int) -> subprocess.Popen[bytes]:
    """Start a server and wait until it takes connections."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(600):
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
            return process
        except OSError:
            assert process.poll() is None, "the server has ended"
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the server takes no connections")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def job_service() -> Iterator[str]:
    port = free_port()
    process = served(JOB_SERVICE.format(["--port", str(port)]), port)
    yield f"--job_endpoint=localhost:{port}"
    stop(process)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("recipe") / "portable.yaml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, recipe: str) -> Built:
    out = tmp_path_factory.mktemp("local") / "out"
    return build(out, "--recipe", recipe, "--mixture", "none", inputs=INPUTS)


# Flink's job server is Java; it is ended with the command.
JAVA = """#!/bin/sh
echo "$@" >> {}
exec sleep 60
"""


@pytest.mark.slow
def test_flink_s_job_server_is_called_and_loopback_workers_change_no_byte(
    tmp_path, job_service, recipe, local
):
    java, jar, called = (tmp_path / name for name in ("java", "server.jar", "called"))
    java.write_text(JAVA.format(called))
    java.chmod(0o755)
    jar.touch()
    port = job_service.rpartition(":")[2]
    options = ["--runner", "Flink", f"--flink_job_server_jar={jar}", f"--job_port={port}"]
    options += [f"--job_server_java_launcher={java}", f"--artifacts_dir={tmp_path}"]
    found = build(
        tmp_path / "out", "--recipe", recipe, "--mixture", "none", *options, inputs=INPUTS
    )
    assert found.same_bytes() == local.same_bytes()
    told = f"-jar {jar} --flink-master [auto] --artifacts-dir {tmp_path} --job-port {port} "
    calls = called.read_text().splitlines()
    assert [call[: len(told)] for call in calls] == [told]  # one server for all pipelines


@pytest.mark.slow
def test_an_external_worker_pool_changes_no_byte(tmp_path, job_service, recipe, local):
    port = free_port()
    pool = served(WORKER_POOL.format(port), port)
    options = ["--runner", "Portable", job_service, "--environment_type=EXTERNAL"]
    try:
        found = build(
            tmp_path / "out", "--recipe", recipe, "--mixture", "none", *options,
            f"--environment_config=localhost:{port}", inputs=INPUTS[::-1],
        )  # fmt: skip
    finally:
        stop(pool)
    assert found.same_bytes() == local.same_bytes()
