"""The inputs of a command: those of its command line, and those of lists in files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from skypile.dedup.settings import Dedup
from skypile.errors import UsageError
from skypile.io.files import absolute
from skypile.io.lists import read_list
from skypile.io.rows import HTML_TIERS
from skypile.io.units import STDIN, Plan, plan_units

__all__ = [
    "INPUT_HELP", "Inputs", "add_input_arguments", "check_apart", "gathered", "ordered_plan",
    "with_threshold",
]  # fmt: skip

# Units exist so that workers can share a file. One process reads each file as a whole, and is
# spared the pass over it that numbers the lines of its pieces.
WHOLE_FILES = 1 << 62

INPUT_HELP = (
    "JSON Lines, WARC or Common Crawl WET (plain, gzip, zstd), Parquet, text (.txt, also packed), "
    "source code, folders of these, patterns; local, by gs://, s3://, hdfs://, and single files by "
    "http(s)"
)


@dataclass(frozen=True)
class Inputs:
    """The inputs of a run in order, and for those of lists, where they stand."""

    given: tuple[str, ...]
    origins: dict[str, str] = field(default_factory=dict)


def add_input_arguments(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Declare INPUT and the lists of inputs; `more` is said of INPUT in addition."""
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help=INPUT_HELP + more)
    parser.add_argument(
        "--files-from",
        action="append",
        default=[],
        metavar="FILE",
        help="read further INPUTs from FILE (also gzip or zstd; - is stdin), one a line; blank "
        "lines and those that begin with # are skipped; may be repeated",
    )
    parser.add_argument(
        "--html",
        choices=HTML_TIERS,
        default="precise",
        help="how the main text of pages is found: by structure alone, or line by line as well "
        "(default: %(default)s)",
    )


def gathered(inputs: Sequence[str], lists: Sequence[str]) -> Inputs:
    """Return `inputs` and behind them those of the files `lists`.

    Raises UsageError where there is none at all, and where standard input would be read twice.
    """
    if lists.count(STDIN) + (STDIN in inputs) > 1:
        raise UsageError("standard input can be read once: as INPUT - or as --files-from -")
    given = dict.fromkeys(inputs)
    origins: dict[str, str] = {}
    for path in lists:
        for line, one in read_list(path):
            if one not in given:
                given[one] = None
                origins[one] = f"{'stdin' if path == STDIN else path}:{line}"
    if not given:
        raise UsageError(
            "no INPUT given: name files, folders, patterns or URLs, or a list of them that is not "
            "empty by --files-from"
        )
    return Inputs(tuple(given), origins)


def ordered_plan(inputs: Inputs) -> Plan:
    """Return the units of `inputs`, whole files in the order of the inputs, each once.

    The files of one input (a folder, a pattern) are in order of name. Records are named as in a
    build from the same inputs. Raises what plan_units raises.
    """
    return plan_units(inputs.given, target_bytes=WHOLE_FILES, in_order=True, origins=inputs.origins)


def check_apart(output: str, inputs: Iterable[str], inside: Iterable[str]) -> None:
    """Raise UsageError where an input lies in one of the folders `inside` of `output`, or holds it.

    What is written would be taken for input by the next run.
    """
    root = PurePosixPath(absolute(output))
    own = [root / folder for folder in inside]
    for given in inputs:
        place = PurePosixPath(absolute(given))
        if any(place.is_relative_to(folder) for folder in own) or root.is_relative_to(place):
            raise UsageError(
                f"--output {output}: lies in the input {given}, or the input in it, so what is "
                "written would become its own input; give another --output"
            )


def with_threshold(settings: Dedup, threshold: float) -> Dedup:
    """Return `settings` with the threshold of a command line; UsageError unless in 0 to 1."""
    if not 0 < threshold <= 1:
        raise UsageError(
            f"--threshold is {threshold:g}; it is a Jaccard index, above 0 and up to 1"
        )
    return settings.with_threshold(threshold)
