"""Code_lang: the programming language of code by name, by what the file says, or by its words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from skypile.kernels.buffers import utf8_view
from skypile.kernels.code_words import code_words, language_sums
from skypile.stage import Stage
from skypile.stages.code_signs import language_told, renamed

__all__ = ["MIN_MARGIN", "WEIGHTS", "CodeLang", "scores_of", "trained"]

Floats = npt.NDArray[np.float64]

# Fitted by benchmarks/fit_code_lang.py.
WEIGHTS = Path(__file__).with_name("code_lang.npz")
# Log odds between the first and the second language; the model is silent below.
MIN_MARGIN = 2.0
MIN_WORDS = 12
# Languages by name that share their ending with others: the model decides among these, where it is
# as sure as this.
SHARED: dict[str, tuple[str, ...]] = {
    "perl": ("prolog",),
    "coq": ("verilog",),
}
SHARED_MARGIN = 2.0


@cache
def trained() -> Mapping[str, npt.NDArray[Any]]:
    """Return the weights that the package ships, by name."""
    with np.load(WEIGHTS) as file:
        return {name: file[name] for name in file.files}


def scores_of(texts: pa.Array, model: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """Return float64 (texts, languages): log odds up to a constant; all 0 where words are few."""
    buckets, borders = code_words(*utf8_view(texts))
    sums = language_sums(buckets, borders, model["weights"]).astype(np.float64)
    words = np.diff(borders).astype(np.float64)
    scores = sums * float(model["scale"]) / np.sqrt(np.maximum(words, 1.0))[:, None]
    scores += model["bias"].astype(np.float64)
    scores[words < MIN_WORDS] = 0.0
    return scores


class CodeLang(Stage):
    """Every document of domain `code` has its programming language; others, and unsure ones, null.

    `code_lang`: `prog_lang` where a file's name tells it. Where it does not, or where several
    languages share the ending (.h, .m, .pl, .v, .ts), what the file says of itself decides: a
    shebang, a modeline of Emacs or Vim, a beginning such as ``<?php``, words that no other of
    these languages has. Then a linear model over words and signs of the first 8 KiB, silent where
    the first language leads by less than `min_margin` (log odds).
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "prog_lang", "domain")
    version: ClassVar[int] = 1

    min_margin: float = MIN_MARGIN

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The column `code_lang`, a string."""
        return {"code_lang": pa.string()}

    def fingerprint_data(self) -> dict[str, Any]:
        """Return the stage's options and the hash of its weights."""
        digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
        return super().fingerprint_data() | {"weights": digest}

    def load(self) -> None:
        """Load the weights."""
        trained()

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the column."""
        texts = batch.column("text")
        is_code = np.asarray(pc.equal(batch.column("domain"), "code").fill_null(False))
        names: list[str | None] = batch.column("prog_lang").to_pylist()
        told: list[str | None] = [None] * len(names)
        unsure: list[int] = []
        for row in np.flatnonzero(is_code).tolist():
            name = names[row]
            if name is not None:
                told[row] = renamed(name, texts[row].as_py()) if _shared(name) else name
                if name in SHARED and told[row] == name:
                    unsure.append(row)
                continue
            told[row] = language_told(texts[row].as_py())
            if told[row] is None:
                unsure.append(row)
        if unsure:
            found = self._by_words(texts.take(pa.array(unsure)), [names[row] for row in unsure])
            for row, language in zip(unsure, found, strict=True):
                told[row] = language
        return {"code_lang": pa.array(told, pa.string())}

    def _by_words(self, texts: pa.Array, names: list[str | None]) -> list[str | None]:
        model = trained()
        languages: list[str] = model["languages"].tolist()
        scores = scores_of(texts, model)
        found: list[str | None] = []
        for row, name in enumerate(names):
            if name is not None:
                found.append(_among(name, dict(zip(languages, scores[row].tolist(), strict=True))))
                continue
            first, second = np.sort(scores[row])[-2:][::-1]
            best = languages[int(scores[row].argmax())]
            sure = first - second >= self.min_margin and best != "text"
            found.append(best if sure else None)
        return found


def _shared(name: str) -> bool:
    return name in SHARED or name in ("c", "typescript", "objective-c")


def _among(name: str, scores: Mapping[str, float]) -> str:
    """Return the language that shares an ending with `name`, where the model is sure of it."""
    best = max(SHARED[name], key=lambda other: scores.get(other, 0.0))
    lead = scores.get(best, 0.0) - scores.get(name, 0.0)
    return best if lead >= SHARED_MARGIN else name
