"""Runner names and options: short names, our pinned local runner, and what is refused, with why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from apache_beam.options.pipeline_options import PipelineOptions

from skypile.errors import UsageError

__all__ = ["LOCAL", "pipeline_options"]

LOCAL = "FnApiRunner"

# DirectRunner is a switching runner: it tries to download a Go binary for each pipeline and falls
# back in silence, so one machine may run another engine than the next. Local runs are pinned.
ALIASES = {
    "direct": LOCAL,
    "directrunner": LOCAL,
    "fnapirunner": LOCAL,
    "local": LOCAL,
    "dataflow": "DataflowRunner",
    "dataflowrunner": "DataflowRunner",
    "flink": "FlinkRunner",
    "flinkrunner": "FlinkRunner",
    "spark": "SparkRunner",
    "sparkrunner": "SparkRunner",
    "portable": "PortableRunner",
    "portablerunner": "PortableRunner",
    "prism": "PrismRunner",
    "prismrunner": "PrismRunner",
}


def runner_name(name: str) -> str:
    """Return Beam's name of a runner given by a short or a full name; UsageError if unknown."""
    if name.lower() in ("dask", "daskrunner"):
        raise UsageError(
            "--runner=DaskRunner is refused: Beam 2.77's DaskRunner returns wrong results without "
            "an error (of two sinks only one is written); use Direct, Flink, Spark or Dataflow"
        )
    found = ALIASES.get(name.lower())
    if found is None:
        near = get_close_matches(name.lower(), ALIASES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "known: Direct, Dataflow, Flink, Spark"
        raise UsageError(f"--runner: there is no runner {name!r}; {hint}")
    return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line: Beam's usage has a hundred and fifty."""
        raise UsageError(f"{message}; see skypile build --help")


def pipeline_options(runner: str, beam_args: Sequence[str]) -> PipelineOptions:
    """Return Beam's options for `runner`, with `beam_args` passed through.

    Raises UsageError for modes that lose data and for options that Beam does not know.
    """
    name = runner_name(runner)
    for arg in beam_args:
        value = arg.partition("=")[2] or arg
        if "multi_threading" in value:
            raise UsageError(
                "--direct_running_mode=multi_threading is refused: with it Beam 2.77 loses rows "
                "without an error; leave the option out"
            )
        if "data_buffer_time_limit_ms" in value:
            raise UsageError(
                "--experiments=data_buffer_time_limit_ms is refused: its periodic flush races with "
                "the writer and loses rows without an error; leave the option out"
            )
    known = _Parser(add_help=False, allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(known)
    # Beam itself would only log that it discards an option that it does not know.
    unknown = known.parse_known_args([*beam_args])[1]
    if unknown:
        raise UsageError(f"unknown option {unknown[0]!r}; see skypile build --help")
    return PipelineOptions([f"--runner={name}", *beam_args])
