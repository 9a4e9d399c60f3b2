"""``skypile index``: a finished corpus gets the index that later builds compare with."""

from __future__ import annotations

import argparse
from typing import get_args

from skypile.cli.terminal import say_whether_it_compiles, show
from skypile.phases.reindex import reindex
from skypile.schema import Scheme

__all__ = ["add_arguments", "run"]

EPILOG = """\
A build leaves an index of its own accord. This is for corpora that were built with --no-index or by
a version without one, and for indexes that are damaged or were drawn otherwise. The texts of kept
documents are signed again; shards stay as they are, and manifest.json names the index in the end.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile index``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("corpus", metavar="DIR", help="the folder of a finished build")
    add("--scheme", choices=get_args(Scheme), help="of signatures; default: that of its recipe")
    add("--quiet", action="store_true", help="show nothing but errors")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Write the index; return 0, or raise SkyPileError."""
    assert not extra
    if not args.quiet:
        say_whether_it_compiles()
    done = reindex(args.corpus, args.scheme)
    if not args.quiet:
        told = (
            [f"{done.documents:,} documents signed, {done.bytes:,} bytes"] if done.written else []
        )
        whole = [f"{done.whole:,} files were whole"] if done.whole else []
        show(f"{len(done.written):,} files of the index written", *told, *whole)
    return 0
