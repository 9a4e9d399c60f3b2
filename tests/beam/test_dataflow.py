"""Each phase's job on Dataflow: what is sent there, and that running it gives the same bytes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.dataflow import dataflow_runner
from apache_beam.runners.dataflow.internal import apiclient
from beam_corpus import SAMPLE, Built
from dataflow_service import Job, Service, put_in_place, run_here
from google.cloud import dataflow
from s3_server import Bucket

from skypile.beam.execute import run_pipeline
from skypile.beam.runners import runner_options
from skypile.cli import beam as command
from skypile.errors import RunError

ROOT = Path(__file__).parents[2]
LIGHT = ROOT / "tests" / "data" / "light.yaml"
IMAGE, GPU_IMAGE = (f"europe-docker.pkg.dev/p/r/{name}:1" for name in ("worker", "worker-gpu"))
PLACE = ["--project=a-project", "--region=europe-west4", "--temp_location=gs://a-bucket/temp"]
ACCELERATOR = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver"
SCORE = (
    f"--sdk_container_image={GPU_IMAGE} --machine_type=g2-standard-8 "
    f"--dataflow_service_options={ACCELERATOR}"
)
# By Dataflow's API; 63 characters are what a label takes, and jobs are found by those.
JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def run(bucket: Bucket, *args: str) -> int:
    lines = (SAMPLE / "web-zh.jsonl").read_bytes().splitlines(keepends=True)
    bucket.put("raw/web-zh.jsonl", b"".join(lines[:20]))
    file = str(ROOT / "pipelines" / "build_skypile.py")
    options = [f"--input={bucket.url('raw/**')}", "--quiet", f"--recipe={LIGHT}", "--mixture=none"]
    return command.run(["run", file, *options, *args])


def beam_run(bucket: Bucket, *args: str) -> int:
    output = f"--output={bucket.url('out')}"
    options = [*PLACE, f"--sdk_container_image={IMAGE}", "--machine_type=n2-standard-8"]
    return run(bucket, "--runner=Dataflow", output, f"--score-options={SCORE}", *options, *args)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    found = Service()
    put_in_place(found, monkeypatch)
    return found


def check_job(job: Job) -> None:
    scores = job.phase == "score"
    image = GPU_IMAGE if scores else IMAGE
    assert JOB_NAME.fullmatch(job.name)
    assert job.sent["type"] == "JOB_TYPE_BATCH"
    assert job.images() == {image} == {job.pool["workerHarnessContainerImage"]}
    assert [each["containerImage"] for each in job.pool["sdkHarnessContainerImages"]] == [image]
    assert job.pool["machineType"] == ("g2-standard-8" if scores else "n2-standard-8")
    assert job.environment.get("serviceOptions", []) == ([ACCELERATOR] if scores else [])
    memory = 16_000_000_000 if job.phase == "cluster" else 4_000_000_000
    assert job.hints() == [{"min_ram_bytes": str(memory)}]
    assert job.pool["numThreadsPerWorker"] == 1
    experiments = set(job.environment["experiments"])
    assert "use_runner_v2" in experiments
    assert ("no_use_multiple_sdk_containers" in experiments) == scores
    assert ("use_multiple_sdk_containers" in experiments) == (not scores)
    # Nothing of this process goes along, and nothing is installed before work begins.
    assert job.options["save_main_session"] is False
    assert job.options["pickle_library"] == "cloudpickle"
    assert set(job.uploaded) == {"pipeline.pb"}
    assert "worker_accelerator" not in json.dumps(job.sent) or scores


def described(parts: Any, coder: str) -> str:
    known = parts.coders[coder]
    name = known.spec.urn.removeprefix("beam:coder:").partition(":")[0]
    inner = ", ".join(described(parts, one) for one in known.component_coder_ids)
    return f"{name}({inner})" if inner else name


def shuffled(job: Job) -> dict[str, str]:
    """Return how what enters each GroupByKey is encoded."""
    parts = job.pipeline.components
    return {
        one.unique_name.partition("/Elements/")[2] or one.unique_name: described(
            parts, parts.pcollections[entering].coder_id
        )
        for one in parts.transforms.values()
        if one.spec.urn == "beam:transform:group_by_key:v1"
        for entering in one.inputs.values()
    }


def test_every_job_is_what_it_should_be_and_gives_the_bytes_of_a_local_build(
    service: Service, bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert beam_run(bucket) == 0, capsys.readouterr().err
    phases = [job.phase for job in service.jobs]
    assert phases == ["curate", "pair", "pair", "pair", "cluster", "score", "publish", "publish"]
    assert len({job.name for job in service.jobs}) == len(service.jobs)
    for job in service.jobs:
        check_job(job)
        coders = shuffled(job)
        packed = [coder for name, coder in coders.items() if name.endswith("/ByKey")]
        assert packed == (["kv(varint, bytes)"] if job.phase == "pair" else [])
        assert len(coders) == len(packed) + 1  # and the references, dealt out
    local = Built(tmp_path / "out")
    assert run(bucket, "--runner=Direct", f"--output={local.path}") == 0
    files = [path for path in local.path.rglob("*") if path.is_file()]
    expected = {str(path.relative_to(local.path)): path.read_bytes() for path in files}
    # All but the last have been run twice by now. Its duplicate comes when the work is removed.
    with pytest.raises(RunError, match="is gone"):
        run_here(service.jobs[-1].pipeline)
    found = {key.removeprefix("out/"): bucket.get(key) for key in bucket.keys("out")}
    manifests = [json.loads(files.pop("manifest.json")) for files in (found, expected)]
    assert found == expected and len(found) >= 2
    assert {**manifests[0], "run": 0} == {**manifests[1], "run": 0}


TRACEBACK = """Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1498, in apache_beam.runners.common.DoFnRunner.process
{} [while running 'Curate/curate_unit-ptransform-12']
"""


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("skypile.errors.InputError: s3://b/a: has changed", "s3://b/a: has changed"),
        ("KeyError: 'x'", "Dataflow pipeline failed. State: FAILED, Error: KeyError: 'x'"),
    ],
)
def test_a_job_that_fails_ends_the_run_with_one_sentence(
    service: Service, bucket: Bucket, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], raised: str, told: str,
) -> None:  # fmt: skip
    # What the poll for messages leaves, which waits five seconds at a time.
    message = TRACEBACK.format(raised)
    monkeypatch.setattr(dataflow_runner.DataflowRunner, "last_error_msg", message, raising=False)
    service.fails = lambda job: message
    assert beam_run(bucket) == 1
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert "Traceback" not in said


def test_an_interrupted_driver_cancels_its_job(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    client = apiclient.DataflowApplicationClient
    running = dataflow.Job(id="job-1", current_state=dataflow.JobState.JOB_STATE_RUNNING)
    monkeypatch.setattr(client, "submit_job_description", lambda self, job: running)
    monkeypatch.setattr(client, "get_job", lambda self, job: running)
    monkeypatch.setattr(
        client, "modify_job_state", lambda self, job, state: asked.append((job, state)) or True
    )

    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataflow_runner.DataflowPipelineResult, "wait_until_finish", interrupted)
    given = runner_options("Dataflow", [*PLACE, f"--sdk_container_image={IMAGE}"], None)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline("curate", beam.Create([1]), given.of("curate", 1))
    assert asked == [("job-1", "JOB_STATE_CANCELLED")]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--output=corpus"], "corpus: lies on this machine, where workers of Dataflow"),
        (["--work-dir=scratch"], "scratch/skypile-work: lies on this machine"),
        ([f"--input={SAMPLE / 'code'}"], "lies on this machine"),
        ([f"--dataflow_service_options={ACCELERATOR}"], "give it in --score-options"),
        (["--temp_location=s3://a-bucket"], "takes a folder by gs:// only"),
        (["--project=P"], "Invalid Project ID (P)"),
        (["--job_name=No_Name"], "--job_name No_Name: a letter, then"),
    ],
)
def test_jobs_that_could_not_work_are_not_sent(
    service: Service, bucket: Bucket, capsys: pytest.CaptureFixture[str], args: list[str], told: str
) -> None:
    assert beam_run(bucket, *args) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not service.jobs


def test_without_googles_libraries_the_extra_is_named(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.dataflow", None)
    assert beam_run(bucket) == 2
    assert "pip install 'skypile[gcp]'" in capsys.readouterr().err
