"""One pipeline, run to its end, with what went wrong in it as an error of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

from skypile import errors
from skypile.errors import RunError, SkyPileError

__all__ = ["run_pipeline"]

# What Beam adds to an error's text: the step in which it was raised.
STEP = re.compile(r" \[while running '[^']*'\]$")
NAMED = re.compile(
    r"^(?:skypile\.)?errors\.(\w+Error): (.*?)(?: \[while running '[^']*'\])?$", re.MULTILINE
)


def run_pipeline(name: str, transform: beam.PTransform, options: PipelineOptions) -> None:
    """Run `transform` as the pipeline `name` and wait for its end.

    Raises the SkyPileError that a step raised, whether here or in another process, and RunError
    where a worker process died.
    """
    with _workers(options), _translated(), beam.Pipeline(options=options) as pipeline:
        _ = pipeline | name.capitalize() >> transform


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
    except RuntimeError as error:
        known = _known_error(str(error))
        if known is None:
            raise
        raise known from None


def _known_error(text: str) -> SkyPileError | None:
    """Return the SkyPileError that a worker raised: Beam hands on its text only."""
    for kind, message in reversed(NAMED.findall(text)):
        raised = getattr(errors, kind, None)
        if isinstance(raised, type) and issubclass(raised, SkyPileError):
            return raised(message)
    return None
