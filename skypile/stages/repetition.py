"""Repetition: how much of a document says again what it has said before."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from skypile.kernels import ngrams
from skypile.kernels.buffers import utf8_view
from skypile.stage import Stage
from skypile.stages.counts import share

__all__ = ["Repetition"]

# Column -> (part, whole) among the kernel's counts.
_SHARES = {
    "dup_line_frac": ("dup_lines", "lines"),
    "dup_line_char_frac": ("dup_line_chars", "line_chars"),
    "dup_paragraph_frac": ("dup_paragraphs", "paragraphs"),
    "dup_paragraph_char_frac": ("dup_paragraph_chars", "paragraph_chars"),
    **{
        f"{name}_frac": (f"{name}_chars", "unit_chars")
        for name in (
            *(f"top_{size}gram" for size in ngrams.TOP_SIZES),
            *(f"dup_{size}gram" for size in ngrams.DUP_SIZES),
        )
    },
}


class Repetition(Stage):
    """Every document has the shares of it that are repetition (Rae et al. 2021, table A1).

    `dup_line_frac`, `dup_paragraph_frac`: pieces that occurred before, of all (blank lines part
    paragraphs); with `_char_frac` by their characters. `top_Ngram_frac`: characters of the most
    frequent n-gram times its occurrences, of all characters but spaces; 0 if no n-gram occurs
    twice, 1 at most. `dup_Ngram_frac`: characters within second and later occurrences of n-grams,
    each counted once. N-grams are of words in English and of characters in Chinese (a unit is one
    CJK character, or what stands between two of them in a word).
    """

    version: ClassVar[int] = 1

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns, all float64."""
        return dict.fromkeys(_SHARES, pa.float64())

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        matrix = ngrams.repetition(*utf8_view(batch.column("text")))
        found = {name: matrix[:, at] for at, name in enumerate(ngrams.FIELDS)}
        return {
            name: pa.array(np.minimum(share(found[part], found[whole]), 1.0), pa.float64())
            for name, (part, whole) in _SHARES.items()
        }
