"""Flink, Spark and other job servers: jobs whose workers would have no SkyPile are refused."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from skypile.errors import UsageError

__all__ = ["check"]

FLINK, SPARK = "FlinkRunner", "SparkRunner"
# Masters for which Beam starts an engine of its own, with workers in this process.
LOCAL_FLINK = ("[auto]", "[local]")
LOCAL_SPARK = re.compile(r"local(\[.+\])?")
WORKERS = (
    "give --environment_type=EXTERNAL --environment_config=HOST:PORT (worker pools, see "
    "docs/operations.md), --environment_type=DOCKER --environment_config=IMAGE (an image of "
    "docker/README.md), or --environment_type=LOOPBACK (workers are threads of this process)"
)


def check(name: str, given: argparse.Namespace) -> None:
    """Raise UsageError unless the job server of `name` can be started and its workers can work."""
    if name in (FLINK, SPARK) and not given.job_endpoint:
        _check_server(name, given)
        if _is_local(name, given) and not given.environment_type:
            return
    elif not given.job_endpoint:
        raise UsageError(
            "--runner=Portable needs --job_endpoint=HOST:PORT, the address of a job server; "
            "--runner=Flink and --runner=Spark start one"
        )
    _check_workers(given)


def _is_local(name: str, given: argparse.Namespace) -> bool:
    if name == FLINK:
        return given.flink_master in LOCAL_FLINK
    return LOCAL_SPARK.fullmatch(given.spark_master_url) is not None


def _check_server(name: str, given: argparse.Namespace) -> None:
    short = name.removesuffix("Runner").lower()
    jar = getattr(given, f"{short}_job_server_jar")
    if jar and "://" not in jar and not Path(jar).is_file():
        raise UsageError(f"--{short}_job_server_jar: there is no file {jar}")
    uber = getattr(given, f"{short}_submit_uber_jar")
    if not uber and not shutil.which(given.job_server_java_launcher):
        raise UsageError(
            f"--runner={short.capitalize()} starts Beam's job server, for which "
            f"{given.job_server_java_launcher} must be there: install Java, or give the address of "
            "a server that runs by --runner=Portable --job_endpoint=HOST:PORT"
        )


def _check_workers(given: argparse.Namespace) -> None:
    kind = given.environment_type or "DOCKER"
    is_set = given.environment_config or given.environment_options
    if kind in ("DOCKER", "EXTERNAL", "PROCESS") and not is_set:
        told = "" if given.environment_type else ", an image of Beam,"
        raise UsageError(
            f"workers of --environment_type={kind}{told} would have no SkyPile: {WORKERS}"
            if kind == "DOCKER"
            else f"--environment_type={kind} needs --environment_config"
        )
