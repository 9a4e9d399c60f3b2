"""Phase tokenize: the kept documents of a shard become a part of each stream of tokens.

It follows a finished build, and its unit is a shard. What a shard becomes depends on the shard, the
tokenizer and the framing alone, and its part is numbered as the shard is in its domain; so a
folder of tokens has the same bytes whoever tokenizes which shards in which order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
import zstandard

from skypile.errors import RunError, TokenizerError
from skypile.io.store import Store, local_copy
from skypile.phases.work import Entry, digest, finished, write_entry
from skypile.pretrain.token_file import borders_of, token_dtype
from skypile.tokens import load_encoder
from skypile.verify.manifest import Shard

__all__ = [
    "MAIN", "TOKENIZER", "Frame", "HeldByHash", "ShardTask", "Split", "TokenContext", "frame_of",
    "kept_batches", "shard_tasks", "stream_path", "text_hashes", "tokenize_shard", "tokenized",
]  # fmt: skip

MAIN = "main"
TOKENIZER = "tokenizer.json"
HASH_SPACE = 2.0**64
COLUMNS = ("id", "record", "text", "subset")
Mask = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
Key = tuple[str, str, str]  # split, domain, subset
# Of a batch, what is taken, and which of that is held out.
Split = Callable[[pa.RecordBatch], tuple[pa.RecordBatch, Mask]]


@dataclass(frozen=True)
class Frame:
    """What stands around documents, by which tokenizer: ids before (one or none) and behind."""

    sha256: str
    vocab_size: int
    bos: str | None
    eos: str
    before: tuple[int, ...]
    behind: int


@dataclass(frozen=True)
class HeldByHash:
    """Takes all documents, and holds those out whose texts have hashes in the first `frac`."""

    frac: float
    seed: int

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mask]:
        """Return the batch, and what of it is held out."""
        return batch, hashes(batch, self.seed) < self.frac


@dataclass(frozen=True)
class TokenContext:
    """One run: where the corpus lies and the tokens go, how documents are framed and parted."""

    corpus: Store
    output: Store
    work: Store
    frame: Frame
    split: Split
    identity: str  # a hash of all that decides what a shard becomes, but the shard


@dataclass(frozen=True)
class ShardTask:
    """A shard, and its number among those of its domain."""

    number: int
    domain: str
    path: str
    documents: int
    size: int
    sha256: str

    def name(self, context: TokenContext) -> str:
        """Return the work name of its entry."""
        return f"tokenize/{digest(context.identity, self.number, self.domain, self.sha256)}"


def shard_tasks(shards: list[Shard]) -> list[ShardTask]:
    """Return the units of a corpus, in the order of its manifest."""
    numbers: dict[str, int] = {}
    tasks = []
    for shard in shards:
        number = numbers.get(shard.domain, 0)
        numbers[shard.domain] = number + 1
        tasks.append(
            ShardTask(
                number, shard.domain, shard.path, shard.documents, shard.bytes, shard.sha256
            )
        )  # fmt: skip
    return tasks


def stream_path(split: str, domain: str, subset: str) -> str:
    """Return where a stream lies: train/en/stem, and what of it is held out validation/en-stem."""
    if split == "train":
        return f"{split}/{domain}/{subset}"
    return f"{split}/{domain}" if subset == MAIN else f"{split}/{domain}-{subset}"


def frame_of(path: Path, bos: str, eos: str) -> Frame:
    """Return a tokenizer.json's tokens of these names, none before a document for ``""``.

    Raises TokenizerError.
    """
    encoder = load_encoder(path)
    entries = {
        one["content"]: one["id"] for one in json.loads(path.read_bytes()).get("added_tokens") or []
    }
    for option, name in (("--bos", bos), ("--eos", eos)):
        if name and name not in entries:
            raise TokenizerError(
                f"{option} {name}: the tokenizer has no such special token; it has "
                f"{', '.join(list(entries)[:8]) or 'none'}"
            )
    before = (entries[bos],) if bos else ()
    return Frame(encoder.fingerprint, encoder.vocab_size, bos or None, eos, before, entries[eos])


def kept_batches(store: Store, path: str, documents: int) -> Iterator[pa.RecordBatch]:
    """Yield COLUMNS of a shard's documents, a row group at a time; RunError where it is not whole.

    A build's row groups have about 16 MB.
    """
    rows = 0
    try:
        with store.open(path) as stream, pq.ParquetFile(stream) as file:
            names = [name for name in COLUMNS if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=names, use_threads=False)
                rows += table.num_rows
                yield from table.to_batches()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RunError(
            f"{path}: cannot be read: {error}; skypile verify tells what else is off"
        ) from error
    if rows != documents:
        raise RunError(f"{path}: {rows:,} documents, the manifest says {documents:,}")


def text_hashes(texts: pa.Array, seed: int) -> npt.NDArray[np.uint64]:
    """Return a hash of each text, 64 bits."""
    return np.array([xxhash.xxh3_64_intdigest(text.as_buffer(), seed) for text in texts], np.uint64)


def hashes(batch: pa.RecordBatch, seed: int) -> npt.NDArray[np.float64]:
    """Return a hash of each text, 0 to below 1."""
    return text_hashes(batch.column("text"), seed).astype(np.float64) / HASH_SPACE


def framed(ids: npt.NDArray[np.uint32], offsets: I64, frame: Frame) -> tuple[Ids, I64]:
    """Return documents' ids with what stands around them, as they are stored, and their borders.

    >>> frame = Frame("", 300, "b", "e", (7,), 8)
    >>> [a.tolist() for a in framed(np.array([1, 2, 3], np.uint32), np.array([0, 2, 3]), frame)]
    [[7, 1, 2, 8, 7, 3, 8], [0, 4, 7]]
    """
    around = len(frame.before) + 1
    borders = offsets + around * np.arange(len(offsets))
    out: Ids = np.empty(int(borders[-1]), np.dtype(token_dtype(frame.vocab_size)))
    is_text = np.ones(len(out), np.bool_)
    is_text[borders[1:] - 1] = False
    out[borders[1:] - 1] = frame.behind
    if frame.before:
        is_text[borders[:-1]] = False
        out[borders[:-1]] = frame.before[0]
    out[is_text] = ids
    return out, borders


def tokenized(context: TokenContext, task: ShardTask, *, hashed: bool = False) -> Entry | None:
    """Return the shard's entry where its parts stand whole; with `hashed` all of them is read."""
    entry = finished(context.work, task.name(context))
    for part in entry.data["parts"] if entry else []:
        place = f"{part['path']}/{part['name']}"
        for file, size in ((f"{place}.tok", part["bytes"]), (f"{place}.idx", part["index_bytes"])):
            if context.output.size(file) != size:
                return None
        if hashed and context.output.digest(f"{place}.tok") != part["xxh3"]:
            return None
    return entry


def tokenize_shard(context: TokenContext, task: ShardTask) -> Entry:
    """Write the shard's part of each stream, and the texts held out into the work folder.

    Texts are a zstd frame of JSON lines (id, text) by stream. The entry comes last.
    """
    before = tokenized(context, task, hashed=True)
    if before is not None:
        return before
    name = task.name(context)
    streams = _Streams(context, task)
    documents = text_bytes = 0
    with ExitStack() as stack:
        streams.begin(stack)
        for batch in kept_batches(context.corpus, task.path, task.documents):
            documents += batch.num_rows
            text_bytes += int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)
            streams.add(*context.split(batch))
    texts = {path: f"{name}/{path.rpartition('/')[2]}.jsonl.zst" for path in streams.texts}
    for path, file in texts.items():
        lines = b"".join(streams.texts[path])
        context.work.write(file, zstandard.ZstdCompressor().compress(lines))
    data = {
        "documents": documents, "text_bytes": text_bytes, "parts": streams.written(),
        "texts": texts,
    }  # fmt: skip
    return write_entry(context.work, name, list(texts.values()), data)


@dataclass
class _PartFile:
    """A part that is being written."""

    stream: pa.NativeFile
    lengths: list[I64] = field(default_factory=list)
    token_count: int = 0
    hash: Any = field(default_factory=xxhash.xxh3_128)

    def add(self, ids: Ids, lengths: I64) -> None:
        data = ids.data.cast("B")
        self.stream.write(data)
        self.hash.update(data)
        self.lengths.append(lengths)
        self.token_count += len(ids)


class _Streams:
    """The parts that a shard becomes, opened when their first document comes."""

    def __init__(self, context: TokenContext, task: ShardTask) -> None:
        self.context, self.task = context, task
        path = local_copy(context.output, TOKENIZER, context.frame.sha256)
        self.encoder = load_encoder(path)
        if self.encoder.fingerprint != context.frame.sha256:
            raise RunError(f"{path}: is not what was written there; run the same command again")
        self.texts: dict[str, list[bytes]] = {}
        self._parts: dict[Key, _PartFile] = {}
        self._stack = ExitStack()

    def begin(self, stack: ExitStack) -> None:
        """Have `stack` give files their names when it ends well."""
        self._stack = stack

    def add(self, batch: pa.RecordBatch, held: Mask) -> None:
        """Tokenize documents of the shard."""
        if not batch.num_rows:
            return
        subsets = np.full(batch.num_rows, MAIN, object)
        if "subset" in batch.schema.names:
            subsets = batch.column("subset").fill_null(MAIN).to_numpy(zero_copy_only=False)
        found = self.encoder.encode(batch.column("text"))
        ids, borders = framed(found.ids, found.offsets, self.context.frame)
        for subset in sorted(set(subsets)):
            for split, chosen in (("train", ~held), ("validation", held)):
                mask = chosen & (subsets == subset)
                if not mask.any():
                    continue
                key = (split, self.task.domain, subset)
                self._part(key).add(_chosen(ids, borders, mask), np.diff(borders)[mask])
                if split == "validation":
                    self._add_texts(stream_path(*key), batch, mask)

    def _part(self, key: Key) -> _PartFile:
        if key not in self._parts:
            if not all(re.fullmatch(r"[\w-]+", name) for name in key):
                raise RunError(f"subset {key[2]!r}: its name cannot be that of a folder")
            name = f"{stream_path(*key)}/{self._name}.tok"
            stream = self._stack.enter_context(self.context.output.create(name))
            self._parts[key] = _PartFile(stream)
        return self._parts[key]

    @property
    def _name(self) -> str:
        return f"part-{self.task.number:05d}"

    def _add_texts(self, path: str, batch: pa.RecordBatch, mask: Mask) -> None:
        rows = batch.select(["id", "text"]).filter(pa.array(mask)).to_pylist()
        self.texts.setdefault(path, []).extend(orjson.dumps(row) + b"\n" for row in rows)

    def written(self) -> list[dict[str, Any]]:
        """Write the indexes of the parts, which have their names by now; return what they hold."""
        found = []
        for key, part in sorted(self._parts.items()):
            path = stream_path(*key)
            index = borders_of(part.lengths).tobytes()
            self.context.output.write(f"{path}/{self._name}.idx", index)
            split, domain, subset = key
            found.append(
                {
                    "split": split, "domain": domain, "subset": subset, "path": path,
                    "name": self._name, "documents": sum(map(len, part.lengths)),
                    "tokens": part.token_count, "xxh3": part.hash.hexdigest(),
                    "bytes": part.token_count * np.dtype(
                        token_dtype(self.context.frame.vocab_size)).itemsize,
                    "index_bytes": len(index),
                }
            )  # fmt: skip
        return found


def _chosen(ids: Ids, borders: I64, mask: Mask) -> Ids:
    """Return the ids of chosen documents, end to end: runs of them are copied, not ids."""
    if mask.all():
        return ids
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    runs = borders[edges].reshape(-1, 2).tolist()
    found: Ids = np.concatenate([ids[first:end] for first, end in runs])
    return found
