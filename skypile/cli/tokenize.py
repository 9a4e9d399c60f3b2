"""``skypile tokenize``: the kept documents of a corpus as token files for training."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from skypile.cli.outputs import Lines, open_lines
from skypile.cli.terminal import show, table
from skypile.errors import InputError, OutputError, RunError, TokenizerError, UsageError
from skypile.io.files import write_atomic
from skypile.io.store import Store
from skypile.pretrain.token_file import TokenWriter
from skypile.progress import Count, Progress
from skypile.tokens import DEFAULT_TOKENIZER, Encoder, load_encoder
from skypile.verify.manifest import Manifest, read_manifest

__all__ = [
    "BOS", "EOS", "Framing", "add_arguments", "framing", "kept_batches", "run", "text_hashes",
    "write_token_set",
]  # fmt: skip

EPILOG = """\
TOKENS gets train/DOMAIN/SUBSET and validation/DOMAIN (DOMAIN-SUBSET for what is of another subset
than main), each with part-00000.tok (uint16, or uint32
for a vocabulary above 65,536: documents end to end, each between the tokens --bos and --eos),
part-00000.idx (int64: where each begins) and manifest.json; validation/DOMAIN.jsonl.zst, the texts
of the documents held out; tokenizer.json; and, last of all, manifest.json. With --vocab-size a
byte-level BPE is trained on the corpus itself, without what is held out.
"""
MANIFEST = "manifest.json"
MAIN = "main"
BOS, EOS = "<|skypile_bos|>", "<|skypile_endoftext|>"
HASH_SPACE = 2.0**64
# What is read for a tokenizer; a second hash, so that it does not go with what is held out.
SAMPLE_SEED = 0x5EED
COLUMNS = ("id", "record", "text", "subset")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile tokenize``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("corpus", metavar="CORPUS", help="the folder of a finished build")
    add("--output", required=True, metavar="TOKENS", help="folder of the tokens, on this machine")
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
    add("--quiet", action="store_true", help="show no progress and no table")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Tokenize the corpus; return 0, or raise SkyPileError."""
    assert not extra
    _check(args)
    store = Store(args.corpus)
    manifest = read_manifest(store)
    output = Path(args.output)
    if args.tokenizer is not None and args.tokenizer.absolute().is_relative_to(output.absolute()):
        raise UsageError(
            f"--tokenizer {args.tokenizer}: lies in the folder that is written; copy it elsewhere"
        )
    _make_ready(output, overwrite=args.overwrite)
    path = _tokenizer(args, store, manifest, output)
    found = write_token_set(
        store, manifest, output, framing(path, args.bos, args.eos),
        lambda batch: (batch, _held_out(batch, args)),
        validation={"frac": args.validation_frac, "seed": args.seed}, quiet=args.quiet,
    )  # fmt: skip
    if not args.quiet:
        rows = [["split", "domain", "subset", "documents", "tokens"]]
        for one in found:
            numbers = (f"{one['documents']:,}", f"{one['tokens']:,}")
            rows.append([one["split"], one["domain"], one["subset"] or "", *numbers])
        show(*table(rows, right=(3, 4)))
    show(str(output / MANIFEST))
    return 0


@dataclass(frozen=True)
class Framing:
    """A tokenizer, and the ids that stand before (one or none) and behind each document."""

    encoder: Encoder
    bos: str | None
    eos: str
    before: tuple[int, ...]
    behind: int


# Of a batch, what is taken, and which of that is held out.
Split = Callable[[pa.RecordBatch], tuple[pa.RecordBatch, npt.NDArray[np.bool_]]]


def write_token_set(
    store: Store, manifest: Manifest, output: Path, framed: Framing, split: Split, *,
    validation: dict[str, Any], quiet: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """Tokenize what `split` takes of a corpus into a folder that has its tokenizer.json.

    Returns what the folder's manifest.json says of each stream; `validation` stands in it as given.
    """
    streams = _Streams(output, framed.encoder, (list(framed.before), framed.behind))
    documents = 0
    with ExitStack() as stack, Progress("tokenize", quiet=quiet) as progress:
        streams.begin(stack)
        whole = sum(shard.documents for shard in manifest.shards)
        for shard in manifest.shards:
            for batch in kept_batches(store, shard.path, shard.documents):
                documents += batch.num_rows
                streams.add(shard.domain, *split(batch))
                progress.update(Count(documents, whole, "documents"))
    found = streams.described()
    data = {
        "format_version": 1,
        "corpus": {
            "path": store.root, "digest": manifest.digest, "recipe": manifest.recipe.fingerprint,
        },
        "tokenizer": {
            "sha256": framed.encoder.fingerprint, "vocab_size": framed.encoder.vocab_size,
            "bos": framed.bos, "eos": framed.eos,
        },
        "validation": validation,
        "streams": found,
    }  # fmt: skip
    with write_atomic(str(output / MANIFEST)) as stream:
        stream.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    return found


def _check(args: argparse.Namespace) -> None:
    if args.tokenizer is not None and args.vocab_size is not None:
        raise UsageError("--vocab-size trains a tokenizer, and --tokenizer names one: give one")
    if args.vocab_size is not None and args.vocab_size < 512:
        raise UsageError(f"--vocab-size {args.vocab_size}: give 512 or more; 256 are single bytes")
    if not 0 <= args.validation_frac < 1:
        raise UsageError(f"--validation-frac {args.validation_frac:g}: give 0 to below 1")
    if not args.eos:
        raise UsageError("--eos '': documents need a token behind them; name one")


def _make_ready(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something else, or tokens without `overwrite`; empty it."""
    try:
        there = sorted(path.name for path in output.iterdir()) if output.exists() else []
    except OSError as error:
        raise OutputError(f"{output}: {error.strerror}") from error
    known = {MANIFEST, "train", "validation", "tokenizer.json"}
    strange = [name for name in there if name not in known and not name.startswith(MANIFEST)]
    if strange:
        raise UsageError(
            f"{output}: holds {strange[0]}, which no tokenize wrote; give another --output"
        )
    if MANIFEST in there and not overwrite:
        raise UsageError(f"{output}: holds tokens; give another --output, or --overwrite")
    # The manifest goes first: without it nothing there is taken for whole.
    for name in (MANIFEST, "train", "validation", "tokenizer.json"):
        path = output / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    output.mkdir(parents=True, exist_ok=True)


def kept_batches(store: Store, path: str, documents: int) -> Iterator[pa.RecordBatch]:
    """Yield COLUMNS of a shard's documents; RunError where it is not whole."""
    rows = 0
    try:
        with store.open(path) as stream, pq.ParquetFile(stream) as file:
            names = [name for name in COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(4096, columns=names):
                rows += batch.num_rows
                yield batch
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RunError(
            f"{path}: cannot be read: {error}; skypile verify tells what else is off"
        ) from error
    if rows != documents:
        raise RunError(f"{path}: {rows:,} documents, the manifest says {documents:,}")


def text_hashes(texts: pa.Array, seed: int) -> npt.NDArray[np.uint64]:
    """Return a hash of each text, 64 bits."""
    return np.array([xxhash.xxh3_64_intdigest(text.as_buffer(), seed) for text in texts], np.uint64)


def _hashes(batch: pa.RecordBatch, seed: int) -> npt.NDArray[np.float64]:
    """Return a hash of each text, 0 to below 1."""
    return text_hashes(batch.column("text"), seed).astype(np.float64) / HASH_SPACE


def _held_out(batch: pa.RecordBatch, args: argparse.Namespace) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = _hashes(batch, args.seed) < args.validation_frac
    return found


def _tokenizer(args: argparse.Namespace, store: Store, manifest: Manifest, output: Path) -> Path:
    """Return the tokenizer.json in the output folder: given, shipped, or trained now."""
    path = output / "tokenizer.json"
    if args.vocab_size is None:
        source = args.tokenizer or DEFAULT_TOKENIZER
        try:
            shutil.copyfile(source, path)
        except OSError as error:
            raise InputError(f"--tokenizer {source}: {error.strerror}") from error
        return path
    from classifiers.train_tokenizer import train

    whole = sum(_text_bytes(store, shard.path) for shard in manifest.shards)
    share = min(1.0, args.tokenizer_bytes / max(whole, 1))

    def texts() -> Iterator[str]:
        for shard in manifest.shards:
            for batch in kept_batches(store, shard.path, shard.documents):
                chosen = ~_held_out(batch, args) & (_hashes(batch, SAMPLE_SEED) < share)
                yield from batch.column("text").filter(pa.array(chosen)).to_pylist()

    with Progress("tokenizer", quiet=args.quiet):
        trained = train(texts(), args.vocab_size)
    if trained.get_vocab_size() < args.vocab_size:
        raise InputError(
            f"--vocab-size {args.vocab_size}: the corpus gives only {trained.get_vocab_size():,} "
            "entries; ask for fewer"
        )
    path.write_text(trained.to_str(pretty=False), "utf-8")
    return path


def _text_bytes(store: Store, path: str) -> int:
    with store.open(path) as stream, pq.ParquetFile(stream) as file:
        column = file.schema_arrow.get_field_index("text")
        groups = range(file.num_row_groups)
        return sum(
            file.metadata.row_group(g).column(column).total_uncompressed_size for g in groups
        )


def framing(path: Path, bos: str, eos: str) -> Framing:
    """Return a tokenizer.json with its tokens of these names, none before a document for ``""``."""
    entries = {one["content"]: one["id"] for one in json.loads(path.read_bytes())["added_tokens"]}
    for option, name in (("--bos", bos), ("--eos", eos)):
        if name and name not in entries:
            raise TokenizerError(
                f"{option} {name}: the tokenizer has no such special token; it has "
                f"{', '.join(list(entries)[:8]) or 'none'}"
            )
    before = (entries[bos],) if bos else ()
    return Framing(load_encoder(path), bos or None, eos, before, entries[eos])


def _path(split: str, domain: str, subset: str) -> str:
    """Return where a stream lies: train/en/stem, and what of it is held out validation/en-stem."""
    if split == "train":
        return f"{split}/{domain}/{subset}"
    return f"{split}/{domain}" if subset == MAIN else f"{split}/{domain}-{subset}"


@dataclass
class _Streams:
    """The token files of all domains and subsets, opened when their first document comes."""

    output: Path
    encoder: Encoder
    special: tuple[list[int], int]
    writers: dict[tuple[str, str, str], TokenWriter] = field(default_factory=dict)
    texts: dict[str, Lines] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def begin(self, stack: ExitStack) -> None:
        """Close the files with `stack`."""
        self.stack = stack

    def add(self, domain: str, batch: pa.RecordBatch, held: npt.NDArray[np.bool_]) -> None:
        """Tokenize documents of a domain."""
        subsets = np.full(batch.num_rows, MAIN, object)
        if "subset" in batch.schema.names:
            subsets = batch.column("subset").fill_null(MAIN).to_numpy(zero_copy_only=False)
        found = self.encoder.encode(batch.column("text"))
        lengths = np.diff(found.offsets)
        for subset in sorted(set(subsets)):
            for split, chosen in (("train", ~held), ("validation", held)):
                rows = np.flatnonzero(chosen & (subsets == subset))
                if not rows.size:
                    continue
                key = (split, domain, subset)
                self._write(key, found.ids, found.offsets, lengths, rows)
                if split == "validation":
                    self._write_texts(_path(*key), batch, rows)

    def _write(
        self,
        key: tuple[str, str, str],
        ids: npt.NDArray[np.uint32],
        offsets: npt.NDArray[np.int64],
        lengths: npt.NDArray[np.int64],
        rows: npt.NDArray[np.intp],
    ) -> None:
        if key not in self.writers:
            if not all(re.fullmatch(r"[\w-]+", name) for name in key):
                raise RunError(f"subset {key[2]!r}: its name cannot be that of a folder")
            folder = self.output / _path(*key)
            self.writers[key] = self.stack.enter_context(
                TokenWriter(
                    folder, vocabulary_count=self.encoder.vocab_size,
                    tokenizer_sha256=self.encoder.fingerprint,
                )
            )  # fmt: skip
        before, behind = self.special
        framed = lengths[rows] + len(before) + 1
        ends = np.cumsum(framed)
        out = np.empty(int(ends[-1]), np.uint32)
        out[ends - 1] = behind
        starts = ends - framed
        if before:
            out[starts] = before[0]
        # Where each token of the text stands in the batch, and where it goes.
        within = np.arange(int(lengths[rows].sum())) - np.repeat(
            np.cumsum(lengths[rows]) - lengths[rows], lengths[rows]
        )
        out[np.repeat(starts + len(before), lengths[rows]) + within] = ids[
            np.repeat(offsets[rows], lengths[rows]) + within
        ]
        self.writers[key].add(out, framed)

    def _write_texts(self, path: str, batch: pa.RecordBatch, rows: npt.NDArray[np.intp]) -> None:
        if path not in self.texts:
            lines = open_lines(str(self.output / f"{path}.jsonl.zst"))
            self.texts[path] = self.stack.enter_context(lines)
        for row in batch.select(["id", "text"]).take(pa.array(rows)).to_pylist():
            self.texts[path].write(orjson.dumps(row))

    def described(self) -> list[dict[str, Any]]:
        """Return what the manifest says of each stream."""
        found = []
        for (split, domain, subset), writer in sorted(self.writers.items()):
            found.append(
                {
                    "split": split, "domain": domain, "subset": subset,
                    "path": _path(split, domain, subset),
                    "documents": writer.document_count, "tokens": writer.token_count,
                }
            )  # fmt: skip
        return found
