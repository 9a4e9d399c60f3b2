"""Dataflow: what its jobs need besides what is given; those that could not work are refused."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import import_module

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from skypile.errors import UsageError
from skypile.io.remote import has_scheme

__all__ = ["check_reach", "defaults", "hint_memory"]

ACCELERATOR = "worker_accelerator"
PLACES = ("project", "region", "temp_location")
# What a worker takes at most is 3.0 GB, for a document of 256 MB (docs/operations.md). All that
# phase cluster joins is on one worker: 16 GB are enough for about 300 million duplicates of 50 B.
MIN_RAM = "4GB"
MIN_RAM_OF = {"cluster": "16GB"}


def defaults(given: argparse.Namespace, scoring: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return what jobs need besides what is given, in general and in phase score in addition.

    `given` are the options of all phases, `scoring` with those of phase score. Raises UsageError
    for what cannot work or would pay for what is not used.
    """
    if not (given.sdk_container_image or given.setup_file or given.extra_packages):
        raise UsageError(
            "--runner=Dataflow: its workers would have no SkyPile; give "
            "--sdk_container_image=IMAGE, an image of docker/README.md, or --setup_file"
        )
    for option in PLACES:
        if not getattr(given, option):
            raise UsageError(f"--runner=Dataflow needs --{option}")
    for option in ("temp_location", "staging_location"):
        path = getattr(given, option)
        if path and not path.startswith("gs://"):
            raise UsageError(f"--{option} {path}: Dataflow takes a folder by gs:// only")
    if _accelerators(given):
        raise UsageError(
            f"--dataflow_service_options={ACCELERATOR}=...: the workers of every phase would have "
            "a GPU, and only phase score uses one; give it in --score-options"
        )
    _check_installed()
    # Nothing of the driver's main program is for the workers. One thread for each process: a unit
    # is one computation, and each would hold a batch of texts.
    more = ["--no_save_main_session"]
    if not given.number_of_worker_harness_threads:
        more.append("--number_of_worker_harness_threads=1")
    # What the image holds is what runs: nothing is uploaded, nothing installed at the start.
    if given.sdk_container_image and given.sdk_location == "default":
        more.append("--sdk_location=container")
    return more, _score_defaults(scoring)


def _score_defaults(scoring: argparse.Namespace) -> list[str]:
    """Return one process for each machine with a GPU, where one for each core would share it."""
    named = any("use_multiple_sdk_containers" in one for one in scoring.experiments or ())
    if _accelerators(scoring) and not named:
        return ["--experiments=no_use_multiple_sdk_containers"]
    return []


def _accelerators(options: argparse.Namespace) -> list[str]:
    return [one for one in options.dataflow_service_options or () if one.startswith(ACCELERATOR)]


def _check_installed() -> None:
    try:
        import_module("google.cloud.dataflow")
        import_module("google.cloud.storage")
    except ImportError as error:
        raise UsageError(
            f"--runner=Dataflow: {error}; install Google's libraries by pip install 'skypile[gcp]'"
        ) from error


def hint_memory(options: PipelineOptions, phase: str) -> None:
    """Ask for the memory that a worker of `phase` needs, unless the user has."""
    standard = options.view_as(StandardOptions)
    hints = list(standard.resource_hints or ())
    if not any(hint.lower().replace("_", "").startswith("minram=") for hint in hints):
        standard.resource_hints = [*hints, f"min_ram={MIN_RAM_OF.get(phase, MIN_RAM)}"]


def check_reach(paths: Iterable[str]) -> None:
    """Raise UsageError for the first of `paths` that lies on this machine."""
    for path in paths:
        if not has_scheme(path) or path.startswith("file://"):
            raise UsageError(
                f"{path}: lies on this machine, where workers of Dataflow cannot reach it; copy it "
                "to gs:// (or s3://), and name that"
            )
