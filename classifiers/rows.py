"""Text for the warm-up: rows that weights may be trained on, as packed rows of token ids.

Shape suffixes: N packed rows, T positions.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Tokenizer

from classifiers import ClassifierError
from classifiers.data import may_train_on, read_rows

__all__ = [
    "GROUPS",
    "Corpus",
    "Passage",
    "Source",
    "corpus",
    "is_held_out",
    "may_warm_up_on",
    "packed",
    "passages",
]

# By the part of lang_hint before its first hyphen; other languages are left out.
GROUPS: Final[Mapping[str, str]] = {
    "en": "English",
    "zh": "Chinese",
    "lzh": "Chinese",
    "mixed": "Chinese",
    "code": "code",
}
_COLUMNS: Final = ("text", "source", "license", "lang_hint")
_RESEARCH: Final = re.compile("research", re.IGNORECASE)
_HELD_OUT_PER_MILLE: Final = 5
# Enough for all cores at once; the texts of one batch are some tens of MB.
_TOKENIZED_AT_ONCE: Final = 4096


class Passage(NamedTuple):
    """A text that may be trained on, and the group of languages that it counts for."""

    text: str
    source: str
    license: str
    group: str


@dataclass(slots=True)
class Source:
    """What a run took from one source."""

    license: str
    documents: int = 0
    text_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Corpus:
    """Packed rows (N, T): of training, in random order of documents, and held out, by group."""

    train: np.ndarray
    held_out: Mapping[str, np.ndarray]
    sources: Mapping[str, Source]


def may_warm_up_on(license_name: str) -> bool:
    """Say whether the encoder may be trained on rows under a licence as the data spell it.

    What `may_train_on` allows, without the sets that are open to research only.
    """
    return may_train_on(license_name) and _RESEARCH.search(license_name) is None


def _file_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024, columns=list(_COLUMNS)):
                yield from batch.to_pylist()
    else:
        yield from read_rows(path)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; what cannot be read is a ClassifierError that names the row."""
    if not path.is_file():
        raise ClassifierError(f"{path}: no such file")
    count = 0
    try:
        for count, row in enumerate(_file_rows(path), 1):
            if any(not isinstance(row.get(name), str) for name in _COLUMNS):
                raise ClassifierError(
                    f"{path}: row {count}: the columns {', '.join(_COLUMNS)} must all hold strings"
                )
            yield row
    except (
        OSError,
        AttributeError,
        UnicodeDecodeError,
        json.JSONDecodeError,
        zstandard.ZstdError,
        pa.ArrowException,
    ) as error:
        raise ClassifierError(
            f"{path}: cannot be read after row {count}: {error}; "
            "expected .parquet, or .jsonl.zst with an object a line"
        ) from error


def passages(paths: Sequence[Path]) -> Iterator[Passage]:
    """Yield the files' texts in English, Chinese or code that may be used, each text once."""
    seen: set[bytes] = set()
    for path in paths:
        for row in _rows(path):
            group = GROUPS.get(row["lang_hint"].partition("-")[0])
            if group is None or not may_warm_up_on(row["license"]):
                continue
            # JSON can hold a lone surrogate, which no tokenizer takes.
            text = row["text"].encode("utf-8", "replace").decode("utf-8")
            key = _digest(text)
            if text and key not in seen:
                seen.add(key)
                yield Passage(text, row["source"], row["license"], group)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest()


def is_held_out(text: str) -> bool:
    """Say whether a text belongs to the 0.5 % that is never trained on, by its hash."""
    return int.from_bytes(_digest(text), "big") % 1000 < _HELD_OUT_PER_MILLE


def packed(documents: Sequence[np.ndarray], cls_id: int, sep_id: int, width: int) -> np.ndarray:
    """Return rows (N, `width`) of CLS, tokens, SEP; documents meet at SEP CLS inside a row.

    Attention is not cut there: with some 1,500 tokens a document few rows hold two. What does not
    fill the last row is dropped, so that no row is padded.
    """
    if not documents:
        return np.zeros((0, width), dtype=np.int32)
    border = np.array([sep_id, cls_id], dtype=documents[0].dtype)
    stream = np.concatenate([part for document in documents for part in (document, border)])
    room = width - 2
    row_count = (len(stream) - 2) // room
    rows_NT = np.empty((row_count, width), dtype=stream.dtype)
    rows_NT[:, 0] = cls_id
    rows_NT[:, 1:-1] = stream[: row_count * room].reshape(row_count, room)
    rows_NT[:, -1] = sep_id
    return rows_NT


def _tokenized(tokenizer: Tokenizer, texts: Sequence[str], dtype: type) -> list[np.ndarray]:
    found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.asarray(encoding.ids, dtype=dtype) for encoding in found]


def _batches(items: Iterable[Passage]) -> Iterator[list[Passage]]:
    batch: list[Passage] = []
    for item in items:
        batch.append(item)
        if len(batch) == _TOKENIZED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def corpus(
    paths: Sequence[Path], tokenizer: Tokenizer, special: tuple[int, int], width: int, seed: int
) -> Corpus:
    """Return the files' usable texts as packed rows; `special` is the ids of CLS and SEP.

    Token ids are int16 where the vocabulary allows, else int32. Files without one full row of
    usable text are a ClassifierError.
    """
    # A control token's literal in a document is text.
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    dtype = np.int16 if tokenizer.get_vocab_size() <= 1 << 15 else np.int32
    training: list[np.ndarray] = []
    held_out: dict[str, list[np.ndarray]] = {}
    sources: dict[str, Source] = {}
    for batch in _batches(passages(paths)):
        found = _tokenized(tokenizer, [passage.text for passage in batch], dtype)
        for passage, ids in zip(batch, found, strict=True):
            if is_held_out(passage.text):
                held_out.setdefault(passage.group, []).append(ids)
                continue
            training.append(ids)
            source = sources.setdefault(passage.source, Source(passage.license))
            source.documents += 1
            source.text_bytes += len(passage.text.encode("utf-8"))
    order = np.random.default_rng(seed).permutation(len(training))
    train_NT = packed([training[at] for at in order], *special, width)
    if len(train_NT) == 0:
        raise ClassifierError(
            f"{', '.join(map(str, paths))}: less than one row of {width} tokens may be trained on; "
            "needed are English, Chinese or code rows (lang_hint) under a free licence (license: "
            "MIT, Apache-2.0, BSD, CC-BY, CC-BY-SA, CC0 or public domain)"
        )
    rows = {group: packed(parts, *special, width) for group, parts in sorted(held_out.items())}
    kept = {group: rows_NT for group, rows_NT in rows.items() if len(rows_NT)}
    return Corpus(train_NT, kept, dict(sorted(sources.items())))
