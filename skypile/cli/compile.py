"""``skypile compile``: the kernels are compiled now, and kept."""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import resources
from multiprocessing import get_context
from typing import get_args

import pyarrow as pa
from pydantic import ValidationError

from skypile.cli.terminal import say
from skypile.curate import annotate
from skypile.errors import UsageError
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units
from skypile.stage import STAGES, Stage, stage_class

__all__ = ["add_arguments", "run"]

EPILOG = """\
A kernel is compiled for this machine where it is first used, and kept in the user's cache folder
(or that of NUMBA_CACHE_DIR) for as long as the package stays as it is. This command does it for all
of them, so that no later run has to wait: in an image, or before measuring.
"""
READ = ReadOptions()
_CHAIN, _OTHERS, _DUPLICATES = "dependent stages", "pages and Chinese tokens", "duplicates"
_OVERLAPS = "overlaps"
_SCREEN = "the screen of a classifier"
_FIRST = "counts"
WITHOUT_KERNELS = ("classify", "tokens")
PAGE = "<html><head><title>A page</title></head><body><p>{}</p></body></html>"
# More than what an encoder reads before it cuts Chinese by a kernel (skypile.tokens).
HAN = "港口今晚很安静，所有的船都停着不动。"
HAN_BYTES = 9 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile compile``."""
    parser.epilog = EPILOG
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="default: one per core")
    parser.add_argument("--quiet", action="store_true", help="say nothing")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Use every kernel once, on the sample that comes with the package."""
    assert not extra
    if args.jobs < 0:
        raise UsageError(f"--jobs is {args.jobs}; it must be 1 or more, or 0 for one per core")
    from skypile.kernels.cache import folder

    begin = time.monotonic()
    if not args.quiet:
        say(f"compiling kernels into {folder()}")
    jobs = args.jobs or os.cpu_count() or 1
    # Numba compiles one kernel at a time in a process. What takes longest stands first.
    tasks = [_CHAIN, _OTHERS, *_independent_stages(), _OVERLAPS, _DUPLICATES, _SCREEN]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        list(pool.map(_compile, tasks))
    if not args.quiet:
        say(f"done in {time.monotonic() - begin:.0f} s")
    return 0


def _stage(name: str) -> Stage | None:
    """Return the stage by default, None where it has no kernels or cannot be without options."""
    if name in WITHOUT_KERNELS:
        return None
    try:
        return stage_class(name)()
    except ValidationError:
        return None


def _independent_stages() -> list[str]:
    """Return the stages that read nothing of other stages, but for that which most others read."""
    read = set(_sample().schema.names)
    found = {name: _stage(name) for name in STAGES if name != _FIRST}
    return [name for name, stage in found.items() if stage and set(stage.reads) <= read]


def _compile(task: str) -> None:
    batch = _sample()
    texts = batch.column("text").drop_null()
    if task == _CHAIN:
        _dependent_stages(batch)
    elif task == _OTHERS:
        _others(texts[0].as_py())
    elif task == _DUPLICATES:
        _duplicates(texts)
    elif task == _OVERLAPS:
        _overlaps(texts)
    elif task == _SCREEN:
        _screen()
    else:
        stage = _stage(task)
        assert stage is not None
        annotate(batch, [stage])


def _dependent_stages(batch: pa.RecordBatch) -> None:
    """Run what reads columns of other stages, as soon as these are there."""
    apart = set(_independent_stages())
    waiting = {name: stage for name in STAGES if name not in apart and (stage := _stage(name))}
    while waiting:
        ready = {n: s for n, s in waiting.items() if set(s.reads) <= set(batch.schema.names)}
        if not ready:
            return
        for name, stage in ready.items():
            batch = annotate(batch, [stage])
            del waiting[name]


def _sample() -> pa.RecordBatch:
    with resources.as_file(resources.files("skypile") / "sample") as folder:
        units = plan_units([str(folder)]).units
        return pa.concat_batches([batch for unit in units for batch in open_unit(unit, READ)])


def _urls() -> None:
    """Look a URL up: stage url_lists cannot be without lists."""
    import numpy as np

    from skypile.kernels import urls
    from skypile.kernels.buffers import utf8_view
    from skypile.kernels.hash_table import hash_table

    name = b"example.com"
    data = np.frombuffer(name + bytes(72), np.uint8).copy()
    lines = urls.plain_lines(data, len(name))
    keys, _ = urls.entry_keys(data, lines[:, 0].copy(), lines[:, 1].copy())
    table = hash_table(keys[:, 0].copy(), np.ones(len(keys), np.uint64))
    urls.url_counts(*utf8_view(pa.array(["https://example.com/"], pa.large_string())), table, 1)


def _code_words(text: str) -> None:
    """Tell a language by its words: for the files of the sample names and signs do it."""
    from skypile.stages.code_lang import scores_of, trained

    scores_of(pa.array([text]), trained())


def _duplicates(texts: pa.Array) -> None:
    from skypile.dedup.verify import exact_jaccard
    from skypile.lists.lines import LineCounter, LineSpec
    from skypile.schema import Scheme
    from skypile.stages.repeated_lines import without_lines
    from skypile.stages.signature import Signature

    for scheme in get_args(Scheme):
        Signature(scheme=scheme)(pa.RecordBatch.from_arrays([texts], ["text"]))
    one = texts[0].as_py().encode()
    exact_jaccard([one], [one])
    lines = LineCounter(LineSpec())
    lines.add(_sample())
    without_lines(_sample(), lines.finish())


def _overlaps(texts: pa.Array) -> None:
    """Seek the texts in themselves: stage decontaminate cannot be without evaluation sets."""
    import numpy as np

    from skypile.kernels.buffers import utf8_view
    from skypile.kernels.overlap import overlaps
    from skypile.kernels.overlap_index import Limits, compile_index, text_keys

    data, offsets = utf8_view(texts)
    limits, rows = Limits(13, 13, 8, 10), np.arange(len(texts))
    keys = text_keys(data, offsets, np.ones(len(texts), np.bool_), limits)
    index, _ = compile_index(keys, rows, np.zeros_like(rows), len(texts))
    overlaps(data, offsets, index, limits, sets=1, min_hits=1, min_item_frac=0.0)


def _screen() -> None:
    """Estimate a window: stage classify would load a model, and not every model has a screen."""
    import numpy as np

    import skypile.kernels.cache  # noqa: F401 - it says where kernels are kept
    from classifiers.screen_model import Screen, Weights

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    tables = (zeros(1, 1), zeros(1, 1), zeros(1, 1, 1))
    weights = Weights(*tables, zeros(6, 1), zeros(1), zeros(1, 1), zeros(6, 1), zeros(1))
    none, one = np.zeros(1, np.int64), np.ones(1, np.int64)
    screen = Screen(weights, "sigmoid", zeros(1), zeros(1), {})
    screen.estimates(np.zeros(1, np.uint32), none, one)


def _others(text: str) -> None:
    from skypile.io.html import page_text
    from skypile.stages.second_opinion import second_opinion
    from skypile.tokens import DEFAULT_TOKENIZER, Encoder

    _urls()
    _code_words(text)
    page_text(PAGE.format(text).encode(), "precise")
    second_opinion(text, 0)
    encoder = Encoder(DEFAULT_TOKENIZER.read_bytes(), DEFAULT_TOKENIZER)
    for _ in range(2):
        encoder.count(pa.array([HAN * (HAN_BYTES // len(HAN.encode()))]))
