"""One pipeline, run to its end, with what went wrong in it as an error of ours."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, PortableOptions

from skypile import errors
from skypile.errors import RunError, SkyPileError, UsageError

__all__ = ["run_pipeline"]

# What Beam adds to an error's text: the step in which it was raised.
STEP = re.compile(r" \[while running '[^']*'\]$")
NAMED = re.compile(
    r"^(?:skypile\.)?errors\.(\w+Error): (.*?)(?: \[while running '[^']*'\])?$", re.MULTILINE
)


REFUSED = "Pipeline has validations errors:"
FAILED_JOB = re.compile(r"Dataflow pipeline failed|Pipeline .+ failed in state ")
KEPT = "finished work is kept: the same command goes on"


def run_pipeline(name: str, transform: beam.PTransform, options: PipelineOptions) -> None:
    """Run `transform` as the pipeline `name` and wait for its end.

    Raises the SkyPileError that a step raised, whether here, in another process or on another
    machine; RunError where a worker process died, a job failed or a job server does not answer;
    UsageError for options that Beam refuses.
    """
    with _workers(options), _translated(), _answered(options):
        pipeline = beam.Pipeline(options=options)
        try:
            with pipeline:
                _ = pipeline | name.capitalize() >> transform
        except KeyboardInterrupt:
            _cancel(pipeline)
            raise


def _cancel(pipeline: beam.Pipeline) -> None:
    """Have a job that runs elsewhere end: its driver, which waits for it, is about to."""
    job = getattr(pipeline, "result", None)
    if job is not None:
        # Whatever keeps it from ending, the user has asked for the end of this process.
        with suppress(OSError, RuntimeError, grpc.RpcError):
            job.cancel()


@contextmanager
def _workers(options: PipelineOptions) -> Iterator[None]:
    """Have worker processes started and watched by processes.py; one sentence where one dies."""
    if options.view_as(DirectOptions).direct_running_mode != "multi_processing":
        yield
        return
    from skypile.beam.processes import WorkerProcess, quiet_threads

    WorkerProcess.deaths.clear()
    with quiet_threads():
        try:
            yield
        except (RuntimeError, grpc.RpcError) as error:
            if not WorkerProcess.deaths:
                raise
            raise RunError(WorkerProcess.deaths[0]) from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SkyPileError as error:
        # The sentence names the unit already.
        raise type(error)(STEP.sub("", str(error))) from None
    except ValueError as error:
        if not str(error).startswith(REFUSED):
            raise
        raise UsageError(" ".join(str(error).removeprefix(REFUSED).split())) from error
    except _job_errors() as error:
        known = _known_error(str(error)) or _failed_job(error)
        if known is None:
            raise
        raise known from None


def _job_errors() -> tuple[type[Exception], ...]:
    """Return what Beam raises for a job that failed.

    Its module for Dataflow loads Google's libraries where they are installed: half a second of
    every build, for runs there alone, which have loaded it when they fail.
    """
    module = sys.modules.get("apache_beam.runners.dataflow.dataflow_runner")
    return (RuntimeError, module.DataflowRuntimeException) if module else (RuntimeError,)


@contextmanager
def _answered(options: PipelineOptions) -> Iterator[None]:
    """Have a job server that is not there, or goes away, be one sentence."""
    endpoint = options.view_as(PortableOptions).job_endpoint
    try:
        yield
    except (grpc.RpcError, grpc.FutureTimeoutError) as error:
        if not endpoint:
            raise
        details = getattr(error, "details", None)
        told = str(details() if callable(details) else "no connection")[:300]
        raise RunError(
            f"--job_endpoint {endpoint}: no job server answers there, or it has hung up ({told}); "
            f"{KEPT}"
        ) from error


def _failed_job(error: Exception) -> RunError | None:
    """Return the sentence for a job that failed on Dataflow or on a job server."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines or not FAILED_JOB.match(lines[0]):
        return None
    # The last line is what Python says of an error; what stands above leads to it.
    return RunError(f"{lines[0]} {lines[-1] if len(lines) > 1 else ''}".strip() + f"; {KEPT}")


def _known_error(text: str) -> SkyPileError | None:
    """Return the SkyPileError that a worker raised: Beam hands on its text only."""
    for kind, message in reversed(NAMED.findall(text)):
        raised = getattr(errors, kind, None)
        if isinstance(raised, type) and issubclass(raised, SkyPileError):
            return raised(message)
    return None
