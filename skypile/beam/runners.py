"""Runner names and options: short names, our pinned local runner, and what is refused, with why."""

from __future__ import annotations

import argparse
import os
import re
import uuid
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NoReturn

from apache_beam.options.pipeline_options import DirectOptions, GoogleCloudOptions, PipelineOptions

from skypile.beam import dataflow, portable
from skypile.beam.memo import Options
from skypile.errors import UsageError

__all__ = ["LOCAL", "RunnerOptions", "runner_options"]

LOCAL = "FnApiRunner"
DATAFLOW = "DataflowRunner"
PRISM = "PrismRunner"
ALONE = ("pair", "cluster")  # phases that stay in one local process
# The names that Dataflow takes, with room for what is added to tell a run's jobs apart.
JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")

# DirectRunner is a switching runner: it tries to download a Go binary for each pipeline and falls
# back in silence, so one machine may run another engine than the next. Local runs are pinned.
ALIASES = {
    "direct": LOCAL,
    "directrunner": LOCAL,
    "fnapirunner": LOCAL,
    "local": LOCAL,
    "dataflow": DATAFLOW,
    "dataflowrunner": DATAFLOW,
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
    if name.lower().rpartition(".")[2] in ("dask", "daskrunner"):
        raise UsageError(
            "--runner=DaskRunner is refused: Beam 2.77's DaskRunner returns wrong results without "
            "an error (of two sinks only one is written); use Direct, Flink, Spark or Dataflow"
        )
    found = ALIASES.get(name.lower())
    if found is None:
        near = get_close_matches(name.lower(), ALIASES, n=1)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else "known: Direct, Dataflow, Flink, Spark, Portable, Prism"
        )
        raise UsageError(f"--runner: there is no runner {name!r}; {hint}")
    return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line: Beam's usage has a hundred and fifty."""
        raise UsageError(f"{message}; see skypile build --help")


@dataclass(frozen=True)
class RunnerOptions:
    """Beam's options for the phases that many workers share, and for those that one process does.

    `workers` is the number of local worker processes; 1 means that the driver does the work.
    `score` is for the phase that runs models, which may have other machines than the rest.
    """

    name: str
    workers: int
    shared: PipelineOptions
    alone: PipelineOptions
    score: PipelineOptions
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def of(self, phase: str, number: int) -> PipelineOptions:
        """Return the options of the `number`th pipeline of this run, which belongs to `phase`.

        Phases pair and cluster stay in this process where the runner is local: all that they group
        would cross to workers. Elsewhere each pipeline is a job, with a name of its own.
        """
        options = self.alone if phase in ALONE else self.shared
        options = self.score if phase == "score" else options
        if self.name == LOCAL:
            return options
        options = deepcopy(options)
        cloud = options.view_as(GoogleCloudOptions)
        cloud.job_name = f"{cloud.job_name or 'skypile'}-{phase}-{self.run}-{number}"
        if self.name == DATAFLOW:
            dataflow.hint_memory(options, phase)
        return options

    def check_reach(self, paths: Sequence[str]) -> None:
        """Raise UsageError for the first of `paths` that this runner's workers cannot reach."""
        if self.name == DATAFLOW:
            dataflow.check_reach(paths)

    def describe(self) -> str:
        """Return who does the work, as a person reads it."""
        cores = _cores()
        if self.name != LOCAL:
            return self.name
        if self.workers == 1 < cores:
            return f"this process; --workers {cores} would use all cores of this machine"
        return "this process" if self.workers == 1 else f"{self.workers} worker processes"


def runner_options(
    runner: str, beam_args: Sequence[str], workers: int | None, score_args: Sequence[str] = ()
) -> RunnerOptions:
    """Return Beam's options for `runner`, with `beam_args` passed through.

    `workers` is --workers: None where it is not given, 0 for one per core. `score_args` are options
    of phase score, which stand behind the others and so win over them. Raises UsageError for
    modes that lose data, for options that Beam does not know, for local workers on a runner
    that has its own, and for Dataflow jobs whose workers would have no SkyPile.
    """
    name = runner_name(runner)
    every = [*beam_args, *score_args]
    for arg in every:
        _refuse_lossy(arg)
    known = _Parser(add_help=False, allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(known)
    # Beam itself would only log that it discards an option that it does not know.
    _, unknown = known.parse_known_args(every)
    if unknown:
        told = unknown[0].partition("=")[0]  # its value may be a secret
        raise UsageError(f"unknown option {told!r}; see skypile build --help")
    parsed, _ = known.parse_known_args([*beam_args])
    scoring, _ = known.parse_known_args(every)
    _refuse_useless(scoring)
    if name != LOCAL:
        return _remote_options(name, workers, (parsed, scoring), (beam_args, every))
    if score_args:
        raise UsageError(
            "--score-options are for runners with machines of several kinds; on this machine "
            "stage classify takes the GPU by itself where there is one"
        )
    count = _worker_count(workers, parsed.direct_num_workers)
    mode = "multi_processing" if count > 1 else "in_memory"
    shared, alone = (Options([f"--runner={name}", *beam_args]) for _ in range(2))
    for options, number, how in ((shared, count, mode), (alone, 1, "in_memory")):
        direct = options.view_as(DirectOptions)
        direct.direct_num_workers, direct.direct_running_mode = number, how
    return RunnerOptions(name, count, shared, alone, shared)


def _remote_options(
    name: str,
    workers: int | None,
    parsed: tuple[argparse.Namespace, argparse.Namespace],
    args: tuple[Sequence[str], Sequence[str]],
) -> RunnerOptions:
    """Return the options of a runner that has workers of its own.

    `parsed` and `args` are those of all phases, and with those of phase score behind them.
    """
    if workers is not None:
        raise UsageError(
            f"--workers are processes of this machine, and {name} has workers of its own: "
            "leave it out and give that runner's option (--num_workers, --parallelism)"
        )
    if parsed[0].job_name and not JOB_NAME.fullmatch(parsed[0].job_name):
        raise UsageError(
            f"--job_name {parsed[0].job_name}: a letter, then letters, digits and hyphens, all "
            "lower case, 40 at most; phase and number are added for each job"
        )
    # Beam would list this machine's packages (a second of pip for each pipeline) and send the list
    # along, for comparison: they are not what the workers' image holds.
    more = ["--experiments=disable_logging_submission_environment"]
    scoring: list[str] = []
    if name == DATAFLOW:
        needed, scoring = dataflow.defaults(*parsed)
        more += needed
    elif name != PRISM:
        for each in parsed:
            portable.check(name, each)
    shared = Options([f"--runner={name}", *args[0], *more])
    return RunnerOptions(
        name, 1, shared, shared, Options([f"--runner={name}", *args[1], *more, *scoring])
    )


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _worker_count(workers: int | None, beams: int) -> int:
    """Return the number of processes that --workers or Beam's own option asks for."""
    if workers is not None and beams != 1 and workers != beams:
        raise UsageError(
            f"--workers {workers} and --direct_num_workers {beams} say two things; give --workers"
        )
    asked = beams if workers is None else workers
    if asked < 0:
        raise UsageError(f"--workers is {asked}; it must be 1 or more, or 0 for one per core")
    return asked or _cores()


def _refuse_lossy(arg: str) -> None:
    if "multi_threading" in arg:
        raise UsageError(
            "--direct_running_mode=multi_threading is refused: with it Beam 2.77 loses rows "
            "without an error; use --workers N, which starts processes"
        )
    if "embedded_python_grpc" in arg:
        raise UsageError(
            "--environment_type=beam:env:embedded_python_grpc:v1 is refused: its workers are those "
            "of multi_threading, with which Beam 2.77 loses rows; use LOOPBACK or EXTERNAL"
        )
    if "data_buffer_time_limit_ms" in arg:
        raise UsageError(
            "--experiments=data_buffer_time_limit_ms is refused: its periodic flush races with "
            "the writer and loses rows without an error; leave the option out"
        )


# What makes a pipeline end before its work is done, or do other work than it was given.
USELESS = {
    "streaming": "a corpus is built from what is there: its phases have an end",
    "no_wait_until_finish": "each phase begins with what the one before it has finished",
    "template_location": "phases are planned from what the ones before them found",
    "output_executable_path": "phases are planned from what the ones before them found",
    "update": "a job takes the place of no other one: the same command goes on by itself",
    "create_from_snapshot": "finished work is found by its hashes; the same command goes on",
}


def _refuse_useless(given: argparse.Namespace) -> None:
    for option, why in USELESS.items():
        if getattr(given, option, None):
            raise UsageError(f"--{option} is refused: {why}")
    if given.dry_run:
        raise UsageError("--dry_run is Beam's; --dry-run shows the plan and stops")
