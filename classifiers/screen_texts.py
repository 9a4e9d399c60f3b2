"""The windows that a screen is made of: drawn from texts, in three parts that share no text."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Tokenizer

from classifiers import ClassifierError
from classifiers.plan import training_documents
from classifiers.rows import passages

__all__ = ["PARTS", "Text", "Windows", "default_texts", "drawn", "file_texts"]

# Of 100 texts: what the weights are fitted on, then the bounds, then what the figures are of.
PARTS: Final[Mapping[str, range]] = {
    "fit": range(65), "bounds": range(65, 90), "test": range(90, 100),
}  # fmt: skip
# Composed documents a kind among the texts of the shipped model's screen.
_WEAK: Final = 1_500
# Of windows so many are cut shorter, so that all lengths are seen; not below so many tokens.
_SHORTENED_FRAC: Final = 0.3
_SHORTEST: Final = 12
# A window of 510 tokens of English takes some 2,000 characters.
_CHARS_PER_TOKEN: Final = 8
_ENCODED_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class Text:
    """A text, the source by which it is drawn, and the kind of text for which bounds must hold."""

    text: str
    source: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows ids[starts[w] : starts[w] + lengths[w]], sources and kinds, and the part of each."""

    ids: np.ndarray  # uint32
    starts: np.ndarray  # int64
    lengths: np.ndarray  # int64
    sources: tuple[str, ...]
    parts: np.ndarray  # names of PARTS
    kinds: np.ndarray  # str

    def counts(self) -> dict[str, int]:
        """Return windows by source, in the order of their names."""
        return dict(sorted(Counter(self.sources).items()))


def default_texts(data: Path, seed: int) -> list[Text]:
    """Return what the shipped model's screen may be made of: its own rows and corpus/.

    By the licence rule of `classifiers.data.may_train_on`; no label is looked at.
    """
    found = [
        Text(doc.text, f"labels: {doc.source}", "labels")
        for doc in training_documents(data, seed, _WEAK)
    ]
    corpus = sorted((data / "corpus").glob("*.jsonl.zst"))
    if not corpus:
        raise ClassifierError(f"{data}: has no corpus/*.jsonl.zst")
    found += [
        Text(one.text, f"corpus: {one.source}, {one.group}", "corpus") for one in passages(corpus)
    ]
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            names = [name for name in ("text", "source") if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=1024, columns=names):
                yield from batch.to_pylist()
        return
    with path.open("rb") as raw:
        stream: Any = raw
        if path.suffix == ".zst":
            stream = zstandard.ZstdDecompressor().stream_reader(raw)
        with io.TextIOWrapper(stream, encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)


def file_texts(paths: Sequence[Path]) -> list[Text]:
    """Return the texts of files in JSON Lines (also .zst) or Parquet, by `source` if it is there.

    Each file is a kind of its own.

    Raises ClassifierError for a file that cannot be read or has a row without a string `text`.
    """
    found: list[Text] = []
    for path in paths:
        before = len(found)
        try:
            for row in _rows(path):
                source = row.get("source")
                text = row["text"].encode("utf-8", "replace").decode()
                source = source if isinstance(source, str) else path.name
                found.append(Text(text, source, path.name))
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, zstandard.ZstdError,
            pa.ArrowException,
        ) as error:  # fmt: skip
            raise ClassifierError(
                f"{path}: row {len(found) - before + 1}: cannot be read ({error!r}); expected "
                "a .parquet with a column text, or a .jsonl or .jsonl.zst with one in each object"
            ) from error
    return found


def _digest(text: str, seed: int) -> int:
    key = seed.to_bytes(8, "big", signed=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=key).digest(), "big")


def _ordered(texts: Sequence[Text], seed: int) -> list[tuple[int, Text]]:
    """Return each text once with its hash, so that any beginning draws a source by its root.

    Of n texts of a source the one at place r stands at r / sqrt(n).
    """
    by_source: dict[str, list[tuple[int, Text]]] = {}
    for digest, text in {_digest(text.text, seed): text for text in texts if text.text}.items():
        by_source.setdefault(text.source, []).append((digest, text))
    placed = [
        (place / len(members) ** 0.5, digest, text)
        for _, members in sorted(by_source.items())
        for place, (digest, text) in enumerate(sorted(members, key=lambda member: member[0]))
    ]
    placed.sort(key=lambda entry: entry[:2])
    return [(digest, text) for _, digest, text in placed]


def _part(digest: int) -> str:
    # Not the digits that the order goes by.
    return next(name for name, share in PARTS.items() if digest % 100 in share)


def _piece(text: str, rng: np.random.Generator, chars: int) -> str:
    """Return a run of at most `chars` characters of a text: its beginning as often as any other."""
    if len(text) <= chars:
        return text
    at = int(rng.integers(0, len(text) - chars + 1)) if rng.random() < 0.5 else 0
    return text[at : at + chars]


def _window(ids: np.ndarray, rng: np.random.Generator, room: int) -> np.ndarray:
    if len(ids) > room:
        at = int(rng.integers(0, len(ids) - room + 1)) if rng.random() < 0.5 else 0
        ids = ids[at : at + room]
    if len(ids) > 2 * _SHORTEST and rng.random() < _SHORTENED_FRAC:
        size = int(rng.integers(_SHORTEST, len(ids)))
        at = int(rng.integers(0, len(ids) - size + 1))
        ids = ids[at : at + size]
    return ids


def drawn(
    texts: Sequence[Text], tokenizer_path: Path, *, room: int, tokens: int, seed: int
) -> Windows:
    """Return a window of `room` tokens or less of each text, until there are `tokens` tokens.

    Sources are drawn by the square root of their number of texts. Which part a text belongs to is
    said by its hash. A function of the arguments. Raises ClassifierError for too few texts.
    """
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # A control token's literal in a document is text.
    tokenizer.encode_special_tokens = True
    ordered = _ordered(texts, seed)
    rng = np.random.default_rng((seed, 1))
    found: list[np.ndarray] = []
    sources: list[str] = []
    parts: list[str] = []
    kinds: list[str] = []
    count = 0
    for begin in range(0, len(ordered), _ENCODED_AT_ONCE):
        some = ordered[begin : begin + _ENCODED_AT_ONCE]
        pieces = [_piece(one.text, rng, _CHARS_PER_TOKEN * room) for _, one in some]
        encoded = tokenizer.encode_batch_fast(pieces, add_special_tokens=False)
        for (digest, one), encoding in zip(some, encoded, strict=True):
            found.append(_window(np.asarray(encoding.ids, np.uint32), rng, room))
            sources.append(one.source)
            parts.append(_part(digest))
            kinds.append(one.kind)
            count += len(found[-1])
        if count >= tokens:
            break
    names = np.array(parts)
    for name in PARTS:
        if np.count_nonzero(names == name) < 10:
            raise ClassifierError(
                f"{len(ordered)} different texts are too few for a screen, which needs 10 in each "
                f"of its parts ({', '.join(PARTS)}) and should have tens of thousands"
            )
    lengths = np.array([len(ids) for ids in found], np.int64)
    starts = np.cumsum(lengths) - lengths
    return Windows(np.concatenate(found), starts, lengths, tuple(sources), names, np.array(kinds))
