"""Dataflow as far as this machine goes: takes jobs where Beam's client would send them to Google.

Replaced is the client's boundary alone: credentials, what is uploaded to gs://, and the call that
creates a job. The service then runs the pipeline that it was sent, as that was uploaded, on Beam's
local runner: what the phase leaves is what the next one plans its job from. Behind it the pipeline
before runs once more, as where a worker was slow and its work was given to another as well: the
duplicate of each bundle ends when the next phase has read what the first one left.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from apache_beam.internal.gcp import auth
from apache_beam.io.gcp.gcsio import GcsIO
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal import apiclient
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from google.cloud import dataflow

Pipeline = beam_runner_api_pb2.Pipeline


@dataclass(frozen=True)
class Job:
    """A job as it was sent, and the files that were uploaded for it, by name."""

    sent: dict[str, Any]
    pipeline: Pipeline
    uploaded: dict[str, bytes]

    @property
    def name(self) -> str:
        return self.sent["name"]

    @property
    def phase(self) -> str:
        return self.name.split("-")[1]

    @property
    def environment(self) -> dict[str, Any]:
        return self.sent["environment"]

    @property
    def options(self) -> dict[str, Any]:
        return self.environment["sdkPipelineOptions"]["options"]

    @property
    def pool(self) -> dict[str, Any]:
        (pool,) = self.environment["workerPools"]
        return pool

    def images(self) -> set[str]:
        """Return the images of the environments that the pipeline's steps ask for."""
        payloads = [one.payload for one in self.pipeline.components.environments.values()]
        parsed = map(beam_runner_api_pb2.DockerPayload.FromString, payloads)
        return {one.container_image for one in parsed}

    def hints(self) -> list[dict[str, str]]:
        """Return what each environment that a step runs in asks for, by the ends of the URNs."""
        parts = self.pipeline.components
        used = {one.environment_id for one in parts.transforms.values() if one.environment_id}
        return [
            {urn.split(":")[2]: value.decode() for urn, value in one.resource_hints.items()}
            for name, one in parts.environments.items()
            if name in used
        ]


@dataclass
class Service:
    """Where jobs arrive. `fails` tells what a job fails with, None where it is done."""

    jobs: list[Job] = field(default_factory=list)
    fails: Callable[[Job], str | None] = lambda job: None
    uploaded: dict[str, bytes] = field(default_factory=dict)

    def upload(self, folder: str, name: str, data: bytes) -> None:
        self.uploaded[f"{folder}/{name}"] = data

    def create(self, job: Any) -> Any:
        sent = json.loads(job.json())
        url = sent["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        folder = url.rpartition("/")[0]
        files = {
            path.rpartition("/")[2]: data
            for path, data in self.uploaded.items()
            if path.startswith(f"{folder}/")
        }
        taken = Job(sent, Pipeline.FromString(files["pipeline.pb"]), files)
        self.jobs.append(taken)
        answer = dataflow.Job(id=f"job-{len(self.jobs)}", name=taken.name)
        state = dataflow.JobState
        fault = self.fails(taken)
        answer.current_state = state.JOB_STATE_FAILED if fault else state.JOB_STATE_DONE
        if fault is None:
            run_here(taken.pipeline)
            for late in self.jobs[-2:-1]:
                run_here(late.pipeline)
        return answer


def run_here(sent: Pipeline) -> None:
    """Run a pipeline that was made for containers in this process."""
    pipeline = Pipeline()
    pipeline.CopyFrom(sent)
    for environment in pipeline.components.environments.values():
        assert environment.urn == common_urns.environments.DOCKER.urn
        environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
        del environment.dependencies[:]
    options = PipelineOptions(["--runner=FnApiRunner"])
    FnApiRunner().run_via_runner_api(pipeline, options).wait_until_finish()


def put_in_place(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Beam's client of Dataflow talk to `service` and to nobody else."""
    client = apiclient.DataflowApplicationClient

    def stage_file(self, folder, name, stream, mime_type="", total_size=None):
        service.upload(folder, name, stream.read())

    monkeypatch.setattr(auth, "get_service_credentials", lambda options: None)
    monkeypatch.setattr(apiclient, "get_service_credentials", lambda options: None)
    monkeypatch.setattr(GcsIO, "is_soft_delete_enabled", lambda self, path: False)
    monkeypatch.setattr(client, "stage_file", stage_file)
    monkeypatch.setattr(client, "submit_job_description", lambda self, job: service.create(job))
