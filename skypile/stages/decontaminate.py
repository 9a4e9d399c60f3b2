"""Decontaminate: what documents share with the items of evaluation sets, counted or cut out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from skypile.kernels.buffers import utf8_view
from skypile.kernels.overlap import MAX_SETS, Found, overlaps
from skypile.kernels.overlap_index import Limits
from skypile.kernels.overlap_tokens import MAX_RUN
from skypile.lists.benchmarks import Benchmarks, benchmarks, benchmarks_hash
from skypile.lists.items import DEFAULT_FIELDS, ItemFile, item_files
from skypile.lists.terms import CATEGORY
from skypile.stage import Stage
from skypile.stages.counts import share
from skypile.text import is_cjk, is_letter_or_digit

__all__ = ["Decontaminate", "without_passages"]

# Columns over all sets have such names.
_RESERVED = ("item", "piece", "cut", "removed", "ignore")
# A run of letters that is longer is no word, and is cut in two.
_WORD_CHARS = 100
# What stands between the pieces that are left of a text.
_JOINT = "\n\n"


class Decontaminate(Stage):
    """Say how much of a document is in evaluation sets, and with `mode: passage` cut that out.

    `sets` names files or folders for each set: JSON Lines, JSON, Parquet, CSV and TSV with a
    header, plain text (a line is an item), also gzip or zstd. The texts of an item are its `fields`
    (`skypile.lists.items.DEFAULT_FIELDS`; their case does not matter), each for itself but the
    choices, and all of them as an examination prints them, choices behind `A.`, `B.` ...

    Words and Han, kana and Hangul characters make one sequence, without case, full-width forms,
    signs and white space (`skypile.kernels.overlap_tokens`). An n-gram is a run of `ngram_words`
    words, of `ngram_chars` characters, or of as many as make up one of both: 13, as Brown et al.
    2020 (GPT-3), appendix C. An item's first text, and the whole item, is sought as a whole where
    it is shorter, down to `short_words` (8: the least n of Brown et al.) and `short_chars`. An
    n-gram in over `max_items` items of a set is none of it; one without three different words or
    characters that are no numbers, or that a text of the files `ignore` has, is none of any.

    An item is hit by a document that has `min_hits` of its n-grams, or all if it has fewer, and
    `min_item_frac` of them. For each set, counting n-grams of items that are hit only:

    * `decontaminate_SET_ngram_count`: places of the document where one ends;
    * `decontaminate_SET_item_count`: items;
    * `decontaminate_SET_frac`: characters in n-grams among all that are no white space;
    * `decontaminate_SET_item_frac`: the largest share of an item's n-grams that the document has.

    `decontaminate_ngram_count`, `decontaminate_item_count`, `decontaminate_frac`,
    `decontaminate_item_frac`: the same over all sets.

    `mode: passage` cuts out what counts with `window_chars` characters on each side, and on to the
    end of a word; of the pieces between, those under `min_piece_chars` go too, and the others are
    joined by an empty line (200 and 200 as Brown et al., who make documents of them).
    `decontaminate_cut_count` passages are cut out, `decontaminate_piece_count` pieces left (1 of a
    document that is left alone), `decontaminate_removed_chars` characters gone.
    """

    version: ClassVar[int] = 1

    sets: dict[str, tuple[str, ...]] = Field(min_length=1, max_length=MAX_SETS)
    ignore: tuple[str, ...] = ()
    fields: tuple[str, ...] = Field(default=DEFAULT_FIELDS, min_length=1)
    ngram_words: int = Field(default=13, ge=1, le=MAX_RUN)
    ngram_chars: int = Field(default=13, ge=1, le=MAX_RUN)
    short_words: int = Field(default=8, ge=1)
    short_chars: int = Field(default=10, ge=1)
    max_items: int = Field(default=100, ge=1, le=1000)
    min_hits: int = Field(default=1, ge=1)
    min_item_frac: float = Field(default=0.0, ge=0, le=1)
    mode: Literal["document", "passage"] = "document"
    window_chars: int = Field(default=200, ge=0)
    min_piece_chars: int = Field(default=200, ge=0)

    @field_validator("sets")
    @classmethod
    def _named(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, paths in value.items():
            if not CATEGORY.fullmatch(name) or name in _RESERVED:
                raise ValueError(
                    f"set {name!r}: give letters a-z, digits and _, and none of "
                    f"{', '.join(_RESERVED)}"
                )
            if not paths:
                raise ValueError(f"set {name!r} names no file")
        return value

    @model_validator(mode="after")
    def _holds(self) -> Decontaminate:
        """Refuse short texts longer than others, and files that are not there."""
        pairs = (("short_words", "ngram_words"), ("short_chars", "ngram_chars"))
        for short, ngram in pairs:
            if getattr(self, short) > getattr(self, ngram):
                raise ValueError(
                    f"{short} is {getattr(self, short)}; it can be {ngram} "
                    f"({getattr(self, ngram)}) at most"
                )
        benchmarks_hash((*self.files, *self.ignored))
        return self

    @cached_property
    def files(self) -> tuple[ItemFile, ...]:
        """The files of items, by set."""
        return tuple(
            file for name, paths in sorted(self.sets.items()) for path in paths
            for file in item_files(path, name)
        )  # fmt: skip

    @cached_property
    def ignored(self) -> tuple[ItemFile, ...]:
        """The files of texts that are ignored."""
        return tuple(file for path in self.ignore for file in item_files(path, "ignore"))

    @property
    def limits(self) -> Limits:
        """How long n-grams and short texts are."""
        return Limits(self.ngram_words, self.ngram_chars, self.short_words, self.short_chars)

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """Four columns for each set and for all of them, and what `mode: passage` adds."""
        found: dict[str, pa.DataType] = {}
        for name in (*(f"{name}_" for name in sorted(self.sets)), ""):
            found |= {
                f"decontaminate_{name}ngram_count": pa.int64(),
                f"decontaminate_{name}item_count": pa.int64(),
                f"decontaminate_{name}frac": pa.float64(),
                f"decontaminate_{name}item_frac": pa.float64(),
            }
        if self.mode == "passage":
            cut = ("cut_count", "piece_count", "removed_chars")
            found |= {f"decontaminate_{name}": pa.int64() for name in cut}
            found["text"] = pa.string()
        return found

    def load(self) -> None:
        """Map the compiled sets into this process."""
        self.benchmarks()

    def benchmarks(self) -> Benchmarks:
        """Return the compiled sets, those of `sets` by name."""
        return benchmarks(self.files, self.ignored, self.fields, self.limits, self.max_items)

    def found(self, texts: pa.Array) -> Found:
        """Return what `texts` share with the items; sets by name."""
        return self._found(*utf8_view(texts))

    def _found(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Found:
        return overlaps(
            data, offsets, self.benchmarks().index, self.limits, sets=len(self.sets),
            min_hits=self.min_hits, min_item_frac=self.min_item_frac,
        )  # fmt: skip

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        data, offsets = utf8_view(batch.column("text"))
        found = self._found(data, offsets)
        columns: dict[str, pa.Array] = {}
        for at, name in enumerate((*(f"{name}_" for name in sorted(self.sets)), "")):
            columns |= {
                f"decontaminate_{name}ngram_count": pa.array(found.counts[:, at, 0]),
                f"decontaminate_{name}item_count": pa.array(found.counts[:, at, 1]),
                f"decontaminate_{name}frac": pa.array(share(found.counts[:, at, 2], found.chars)),
                f"decontaminate_{name}item_frac": pa.array(found.shares[:, at]),
            }
        return columns | (self._cut(batch, found, offsets) if self.mode == "passage" else {})

    def _cut(
        self, batch: pa.RecordBatch, found: Found, offsets: npt.NDArray[np.int64]
    ) -> dict[str, pa.Array]:
        texts = batch.column("text").cast(pa.string())
        rows = batch.num_rows
        counts = np.zeros((3, rows), np.int64)
        counts[1] = 1
        changed, written = np.zeros(rows, np.bool_), []
        for row in np.unique(found.spans[:, 0]).tolist():
            first, last = np.searchsorted(found.spans[:, 0], (row, row + 1))
            spans = found.spans[first:last, 1:] - offsets[row]
            text = texts[row].as_py()
            pieces, cuts = without_passages(
                text, spans.tolist(), window=self.window_chars, least=self.min_piece_chars
            )
            counts[:, row] = cuts, len(pieces), len(text) - sum(map(len, pieces))
            changed[row] = True
            written.append(_JOINT.join(pieces))
        if written:
            texts = pc.replace_with_mask(texts, pa.array(changed), pa.array(written, pa.string()))
        names = ("cut_count", "piece_count", "removed_chars")
        columns = {
            f"decontaminate_{name}": pa.array(counts[at]) for at, name in enumerate(names)
        }  # fmt: skip
        return columns | {"text": texts}

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the sets by the hash of their files."""
        data = super().fingerprint_data()
        del data["sets"], data["ignore"]
        return data | {"benchmarks": benchmarks_hash((*self.files, *self.ignored))}


def without_passages(
    text: str, spans: Sequence[Sequence[int]], *, window: int, least: int
) -> tuple[list[str], int]:
    """Return the pieces of `text` that are left when passages are cut out, and how many these are.

    `spans` are starts and stops in UTF-8, in order. `window` characters on each side go with each,
    and on to the end of a word; so do white space beside a cut, and pieces of fewer than `least`
    characters.
    """
    pieces, cuts, at = [], 0, 0
    for start, stop in _passages(text, spans, window):
        piece = text[at:start].rstrip()
        pieces.append(piece.lstrip() if cuts else piece)
        cuts, at = cuts + 1, stop
    pieces.append(text[at:].lstrip() if cuts else text)
    return [piece for piece in pieces if piece and len(piece) >= least], cuts


def _passages(
    text: str, spans: Sequence[Sequence[int]], window: int
) -> Iterator[tuple[int, int]]:  # fmt: skip
    """Yield (start, stop) in characters, apart from each other."""
    before: tuple[int, int] | None = None
    for first, last in zip(*_in_chars(text, spans), strict=True):
        floor = before[1] if before else 0
        start, stop = max(first - window, floor), max(min(last + window, len(text)), floor)
        least, most = max(start - _WORD_CHARS, floor), min(stop + _WORD_CHARS, len(text))
        while start > least and _within_word(text, start):
            start -= 1
        while stop < most and _within_word(text, stop):
            stop += 1
        if before and start <= before[1]:
            start = before[0]
        elif before:
            yield before
        before = (start, stop)
    if before:
        yield before


def _within_word(text: str, at: int) -> bool:
    """Tell whether text[at - 1] and text[at] are letters or digits of one word."""
    return all(is_letter_or_digit(char) and not is_cjk(char) for char in text[at - 1 : at + 1])


def _in_chars(text: str, spans: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Return where `spans` of the text in UTF-8 start and stop in characters."""
    raw = text.encode()
    if len(raw) == len(text):
        return [start for start, _ in spans], [stop for _, stop in spans]
    starts = np.flatnonzero(np.frombuffer(raw, np.uint8) & 0xC0 != 0x80).tolist()
    found = [[bisect_left(starts, border) for border in span] for span in spans]
    return [start for start, _ in found], [stop for _, stop in found]
