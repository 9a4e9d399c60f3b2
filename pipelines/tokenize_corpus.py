"""A corpus to token files for training, on any of Beam's runners.

Run it by ``beam run pipelines/tokenize_corpus.py --runner=Direct CORPUS --output=...`` or as a
plain script. It is one code path with ``skypile tokenize``; the phase stands in
skypile/beam/tokenize.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from skypile import interrupts
from skypile.cli import tokenize
from skypile.cli.main import guarded


def main(argv: Sequence[str]) -> int:
    """Tokenize the corpus that the options `argv` name; return the exit code."""
    parser = argparse.ArgumentParser("tokenize_corpus.py", allow_abbrev=False)
    tokenize.add_arguments(parser)
    args, beam_options = parser.parse_known_args(argv)
    return tokenize.run(args, beam_options)


if __name__ == "__main__":
    interrupts.install("tokenize_corpus.py")
    sys.exit(guarded("tokenize_corpus.py", lambda: main(sys.argv[1:])))
