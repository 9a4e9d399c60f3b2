"""``skypile compile``: the kernels are compiled now, and kept."""

from __future__ import annotations

import argparse
import time
from importlib import resources

import pyarrow as pa
from pydantic import ValidationError

from skypile.cli.terminal import say
from skypile.curate import annotate
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units
from skypile.recipe import load_recipe, recipe_names
from skypile.stage import STAGES, stage_class

__all__ = ["add_arguments", "run"]

EPILOG = """\
A kernel is compiled for this machine where it is first used, and kept in the user's cache folder
(or that of NUMBA_CACHE_DIR) for as long as the package stays as it is. This command does it for all
of them, so that no later run has to wait: in an image, or before measuring.
"""
READ = ReadOptions()
WITHOUT_KERNELS = ("classify", "tokens")
PAGE = "<html><head><title>A page</title></head><body><p>{}</p></body></html>"
# More than what an encoder reads before it cuts Chinese by a kernel (skypile.tokens).
HAN = "港口今晚很安静，所有的船都停着不动。"
HAN_BYTES = 9 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile compile``."""
    parser.epilog = EPILOG
    parser.add_argument("--quiet", action="store_true", help="say nothing")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Use every kernel once, on the sample that comes with the package."""
    assert not extra
    from skypile.kernels.cache import folder

    begin = time.monotonic()
    if not args.quiet:
        say(f"compiling kernels into {folder()}")
    batch = _sample()
    _stages(batch)
    _duplicates(batch.column("text"))
    _others(batch.column("text")[0].as_py())
    if not args.quiet:
        say(f"done in {time.monotonic() - begin:.0f} s")
    return 0


def _sample() -> pa.RecordBatch:
    with resources.as_file(resources.files("skypile") / "sample") as folder:
        units = plan_units([str(folder)]).units
        return pa.concat_batches([batch for unit in units for batch in open_unit(unit, READ)])


def _stages(batch: pa.RecordBatch) -> None:
    judged = batch
    for name in recipe_names():
        judged = batch
        for step in load_recipe(name).without_models().steps:
            judged = annotate(judged, step.stages)
    for name in STAGES:
        if name in WITHOUT_KERNELS:
            continue
        try:
            stage = stage_class(name)()
        except ValidationError:
            continue  # it cannot be without options, so without files of the user's
        if set(stage.reads) <= set(judged.schema.names):
            annotate(judged, [stage])


def _duplicates(texts: pa.Array) -> None:
    from skypile.dedup.verify import exact_jaccard
    from skypile.stages.signature import Signature

    Signature()(pa.RecordBatch.from_arrays([texts], ["text"]))
    one = texts[0].as_py().encode()
    exact_jaccard([one], [one])


def _others(text: str) -> None:
    from skypile.io.html import page_text
    from skypile.stages.second_opinion import second_opinion
    from skypile.tokens import DEFAULT_TOKENIZER, Encoder

    page_text(PAGE.format(text).encode(), "precise")
    second_opinion(text, 0)
    encoder = Encoder(DEFAULT_TOKENIZER.read_bytes(), DEFAULT_TOKENIZER)
    for _ in range(2):
        encoder.count(pa.array([HAN * (HAN_BYTES // len(HAN.encode()))]))
