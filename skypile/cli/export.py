"""``skypile export``: a trained model as a folder for Hugging Face's transformers."""

from __future__ import annotations

import argparse
from pathlib import Path

from skypile.cli.terminal import say, show

__all__ = ["add_arguments", "run"]

EPILOG = """\
DIR gets model.safetensors (float32), config.json, generation_config.json, tokenizer.json and
tokenizer_config.json, and is there whole or not at all. AutoModelForCausalLM.from_pretrained(DIR)
loads it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile export``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the folder of a run, or one of its checkpoints")
    add("--output", required=True, type=Path, metavar="DIR", help="folder to be made")
    add("--quiet", action="store_true", help="do not say which checkpoint it is")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Export the newest checkpoint; return 0, or raise SkyPileError."""
    assert not extra
    from skypile.pretrain.export import exported

    checkpoint = exported(args.run, args.output)
    if not args.quiet:
        say(f"exported {checkpoint}")
    show(str(args.output))
    return 0
