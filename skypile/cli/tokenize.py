"""``skypile tokenize``: the kept documents of a corpus as token files for training."""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.cli.terminal import show, table
from skypile.errors import InputError, UsageError
from skypile.io.store import Store, local_copy
from skypile.phases.begin import held
from skypile.phases.token_folder import MANIFEST, WORK, begin, check_ours, end, write_manifests
from skypile.phases.tokenize import (
    TOKENIZER,
    Frame,
    HeldByHash,
    Split,
    TokenContext,
    frame_of,
    hashes,
    kept_batches,
    shard_tasks,
    tokenize_shard,
)
from skypile.phases.work import digest
from skypile.progress import Progress
from skypile.tokens import DEFAULT_TOKENIZER
from skypile.verify.manifest import Manifest, read_manifest

__all__ = ["BOS", "EOS", "add_arguments", "run", "write_token_set"]

EPILOG = """\
TOKENS gets train/DOMAIN/SUBSET and validation/DOMAIN (DOMAIN-SUBSET for what is of another subset
than main), each with a part-NNNNN.tok for each shard of the domain (uint16, or uint32
for a vocabulary above 65,536: documents end to end, each between the tokens --bos and --eos),
a part-NNNNN.idx (int64: where each begins) and manifest.json; validation/DOMAIN.jsonl.zst, the
texts of the documents held out; tokenizer.json; and, last of all, manifest.json. The bytes are the
same for any number of workers, and a run that was ended goes on. With --vocab-size a byte-level BPE
is trained on the corpus itself, without what is held out, by this process alone. Options that are
not listed here are Beam's and are passed through.
"""
BOS, EOS = "<|skypile_bos|>", "<|skypile_endoftext|>"
# What is read for a tokenizer; a second hash, so that it does not go with what is held out.
SAMPLE_SEED = 0x5EED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile tokenize``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("corpus", metavar="CORPUS", help="the folder of a finished build")
    add("--output", required=True, metavar="TOKENS", help="folder of the tokens")
    add("--tokenizer", type=Path, metavar="FILE", help="a tokenizer.json; default: the shipped one")
    add("--vocab-size", type=int, metavar="N", help="train a tokenizer of N entries on the corpus")
    add("--tokenizer-bytes", type=int, default=100_000_000, metavar="N",
        help="text that it is trained on (default: %(default)s)")  # fmt: skip
    add("--validation-frac", type=float, default=0.005, metavar="X",
        help="share of documents held out of each domain, by a hash of the text "
        "(default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="of the hash (default: 0)")
    add("--bos", default=BOS, metavar="TOKEN", help="before each document (default: %(default)s); "
        "'' for none")  # fmt: skip
    add("--eos", default=EOS, metavar="TOKEN", help="behind each document (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace the tokens that lie in TOKENS")
    add("--workers", type=int, metavar="N", help="processes of this machine; 0: one per core")
    add("--runner", default="Direct", metavar="NAME", help="default: Direct")
    add("--quiet", action="store_true", help="show no progress and no table")


def run(args: argparse.Namespace, extra: Sequence[str]) -> int:
    """Tokenize the corpus, with Beam options `extra`; return 0, or raise SkyPileError."""
    _check(args)
    corpus = Store(args.corpus.rstrip("/"))
    manifest = read_manifest(corpus)
    output = Store(args.output.rstrip("/"))
    check_ours(output)
    work = Store(f"{output.root}/{WORK}", durable=False)
    source = None if args.vocab_size is not None else _source(args, output)
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    # Beam is imported after everything that is cheap to refuse has been refused.
    from skypile.beam.runners import runner_options
    from skypile.beam.tokenize import tokenize

    options = runner_options(args.runner, extra, args.workers)
    asked = _asked(args, manifest, source)
    with held(output, "--output", _is_done) if output.is_local else nullcontext():
        begin(output, work, asked, overwrite=args.overwrite)
        # A trained one of an earlier run is not trained again.
        if source is not None or output.size(TOKENIZER) is None:
            output.write(TOKENIZER, source or _trained(args, corpus, manifest))
        path = local_copy(output, TOKENIZER, output.sha256(TOKENIZER))
        context = TokenContext(
            corpus, output, work, frame_of(path, args.bos, args.eos),
            HeldByHash(args.validation_frac, args.seed), digest(asked, output.sha256(TOKENIZER)),
        )  # fmt: skip
        tasks = shard_tasks(manifest.shards)
        entries = tokenize(context, tasks, options, quiet=args.quiet)
        found = write_manifests(context, manifest, entries, asked["validation"])
        end(output, work)
    if not args.quiet:
        rows = [["split", "domain", "subset", "documents", "tokens"]]
        for one in found:
            numbers = (f"{one['documents']:,}", f"{one['tokens']:,}")
            rows.append([one["split"], one["domain"], one["subset"], *numbers])
        show(*table(rows, right=(3, 4)))
    show(f"{output.root}/{MANIFEST}")
    return 0


def _is_done(output: Store) -> bool:
    return output.size(MANIFEST) is not None


def write_token_set(
    store: Store, manifest: Manifest, output: Path, frame: Frame, split: Split, *,
    validation: dict[str, Any],
) -> None:  # fmt: skip
    """Tokenize, in this process, what `split` takes of a corpus, into a folder with tokenizer.json.

    `validation` stands in the folder's manifest.json as it is at the end.
    """
    root = Store(str(output))
    work = Store(f"{root.root}/{WORK}", durable=False)
    context = TokenContext(store, root, work, frame, split, "")
    entries = [tokenize_shard(context, task) for task in shard_tasks(manifest.shards)]
    write_manifests(context, manifest, entries, validation)
    end(root, work)


def _check(args: argparse.Namespace) -> None:
    if args.tokenizer is not None and args.vocab_size is not None:
        raise UsageError("--vocab-size trains a tokenizer, and --tokenizer names one: give one")
    if args.vocab_size is not None and args.vocab_size < 512:
        raise UsageError(f"--vocab-size {args.vocab_size}: give 512 or more; 256 are single bytes")
    if not 0 <= args.validation_frac < 1:
        raise UsageError(f"--validation-frac {args.validation_frac:g}: give 0 to below 1")
    if not args.eos:
        raise UsageError("--eos '': documents need a token behind them; name one")
    if not args.output.strip("/ "):
        raise UsageError(f"--output {args.output!r}: name a folder of its own")


def _source(args: argparse.Namespace, output: Store) -> bytes:
    """Return the content of the tokenizer.json that is given, or shipped, after checking it."""
    path: Path = args.tokenizer or DEFAULT_TOKENIZER
    if output.is_local and path.absolute().is_relative_to(output.path("")):
        raise UsageError(
            f"--tokenizer {path}: lies in the folder that is written; copy it elsewhere"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"--tokenizer {path}: {error.strerror}") from error
    frame_of(path, args.bos, args.eos)
    return content


def _asked(
    args: argparse.Namespace, manifest: Manifest, source: bytes | None
) -> dict[str, Any]:  # fmt: skip
    """Return all that decides what becomes of the corpus."""
    trained = [args.vocab_size, args.tokenizer_bytes]
    return {
        "corpus": manifest.digest,
        "tokenizer": trained if source is None else hashlib.sha256(source).hexdigest(),
        "frame": [args.bos, args.eos],
        "validation": {"frac": args.validation_frac, "seed": args.seed},
    }


def _trained(args: argparse.Namespace, corpus: Store, manifest: Manifest) -> bytes:
    """Return a tokenizer.json that is trained on the corpus, without what is held out."""
    from classifiers.train_tokenizer import train

    whole = sum(_text_bytes(corpus, shard.path) for shard in manifest.shards)
    share = min(1.0, args.tokenizer_bytes / max(whole, 1))
    held_out = HeldByHash(args.validation_frac, args.seed)

    def texts() -> Iterator[str]:
        for shard in manifest.shards:
            for batch in kept_batches(corpus, shard.path, shard.documents):
                chosen = ~held_out(batch)[1] & (hashes(batch, SAMPLE_SEED) < share)
                yield from batch.column("text").filter(pa.array(chosen)).to_pylist()

    with Progress("tokenizer", quiet=args.quiet):
        trained = train(texts(), args.vocab_size)
    if trained.get_vocab_size() < args.vocab_size:
        raise InputError(
            f"--vocab-size {args.vocab_size}: the corpus gives only {trained.get_vocab_size():,} "
            "entries; ask for fewer"
        )
    text: str = trained.to_str(pretty=False)
    return text.encode()


def _text_bytes(store: Store, path: str) -> int:
    with store.open(path) as stream, pq.ParquetFile(stream) as file:
        column = file.schema_arrow.get_field_index("text")
        groups = range(file.num_row_groups)
        return sum(
            file.metadata.row_group(g).column(column).total_uncompressed_size for g in groups
        )
