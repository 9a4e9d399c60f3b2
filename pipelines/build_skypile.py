"""The SkyPile pipeline: raw web, book and code documents to a corpus in the wanted token shares.

Run it by ``beam run pipelines/build_skypile.py --runner=Direct --input=... --output=...``
or as a plain script. It is one code path with ``skypile build``: recipe and inputs are options,
the phases stand in skypile/beam/graph.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from skypile import interrupts
from skypile.cli import build
from skypile.cli.main import guarded


def main(argv: Sequence[str]) -> int:
    """Build the corpus that the options `argv` describe; return the exit code."""
    parser = argparse.ArgumentParser("build_skypile.py", allow_abbrev=False)
    build.add_arguments(parser)
    args, beam_options = parser.parse_known_args(argv)
    return build.run(args, beam_options)


if __name__ == "__main__":
    interrupts.install("build_skypile.py")
    sys.exit(guarded("build_skypile.py", lambda: main(sys.argv[1:])))
