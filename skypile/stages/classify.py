"""Classify: scores of a BERT-like sequence classifier, on the GPU where there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from classifiers import ClassifierError, checkpoint
from skypile.errors import RecipeError
from skypile.stage import Stage
from skypile.stages.tokens import TOKEN_IDS, file_fingerprint
from skypile.tokens import DEFAULT_TOKENIZER, load_encoder

if TYPE_CHECKING:
    from classifiers.model import Scorer

__all__ = ["Classify"]

# A GPU has 16 to 64 packs of 65,536 tokens to do in a slice, and its tokens take 0.1 s to make.
_SLICE_BYTES = 8 << 20


@lru_cache(maxsize=4)
def _scorer(
    model: str,
    fingerprint: str,  # noqa: ARG001 - part of the key
    threads: int,
    max_windows: int,
    pooling: tuple[tuple[str, str], ...],
    labels: tuple[tuple[str, str], ...],
    screen: str | None,
) -> Scorer:
    # It says where compiled kernels are kept, which Numba asks once: the screen's is one.
    import skypile.kernels.cache  # noqa: F401
    from classifiers.model import load

    try:
        return load(
            model, threads=threads, max_windows=max_windows, pooling=dict(pooling),
            labels=dict(labels), cascade=screen is not None,
        )  # fmt: skip
    except ClassifierError as error:
        raise RecipeError(str(error)) from error


class Classify(Stage):
    """Score the windows of each document by a sequence classifier.

    `model` is ``default`` (the small BERT that comes with the package: quality, porn, politics,
    stem), a folder, or a Hub id of any Hugging Face sequence-classification checkpoint with a fast
    tokenizer. Each of its labels becomes a column, in lower case, or named by `labels` (label:
    column). Scores are probabilities, float32 rounded to 6 decimals. A document longer than a
    window (512 tokens, or what the checkpoint allows) has up to `max_windows`, the first, the last
    and others evenly between. Of their scores the maximum counts for labels called porn, politics,
    ads or toxicity, by the checkpoint or by `labels`, the mean for others, unless `pooling` (label:
    max or mean) says otherwise; the other of the two stands in the column with ``_mean`` or
    ``_max`` behind its name, and the number of windows in `windows_column`, so that a rule can go
    by either without scoring again. Where the checkpoint has a screen (`classifiers.screen`), that
    decides the windows which are clear for all labels, unless `cascade` is false; how many the
    model itself has scored stands in `scored_column`. `threads` is fixed, because it decides the
    last bits of a score on the CPU.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)
    version: ClassVar[int] = 4

    model_name: str = Field(default="default", alias="model")
    labels: dict[str, str] = Field(default={})
    threads: int = Field(default=1, ge=1, le=256)
    max_windows: int = Field(default=checkpoint.MAX_WINDOWS, ge=2, le=1024)
    pooling: dict[str, checkpoint.Pooling] = Field(default={})
    windows_column: str = Field(default="windows_count", pattern=r"^[a-z][a-z0-9_]*$")
    scored_column: str = Field(default="windows_scored_count", pattern=r"^[a-z][a-z0-9_]*$")
    cascade: bool = True

    @property
    def folder(self) -> Path:
        """The folder of the checkpoint; a Hub checkpoint is fetched."""
        try:
            return checkpoint.folder_of(self.model_name)
        except ClassifierError as error:
            raise RecipeError(str(error)) from error

    def _columns(self) -> list[str]:
        found = checkpoint.labels(self.folder)
        unknown = sorted(set(self.labels) - set(found))
        if unknown:
            raise RecipeError(
                f"stage classify: {self.model_name} has no label {unknown[0]!r}; it has "
                f"{', '.join(found)}"
            )
        columns = [self.labels.get(name, _column_name(name)) for name in found]
        try:
            pooled = checkpoint.pooling(found, self.pooling, self.labels)
        except ClassifierError as error:
            raise RecipeError(f"stage classify: {error}") from error
        others = {"max": "mean", "mean": "max"}
        columns += [
            f"{name}_{others[how]}" for name, how in zip(columns, pooled, strict=True) if name
        ]
        columns += [self.windows_column, self.scored_column]
        if len(columns) < 2 * len(found) + 2 or len(set(columns)) < len(columns):
            raise RecipeError(
                f"stage classify: the labels of {self.model_name} ({', '.join(found)}) give the "
                f"columns {columns}; name each by labels: {{LABEL: COLUMN}}"
            )
        return columns

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """Two float64 columns for each label of the model, and two int64 of windows."""
        *scores, count, scored = self._columns()
        return {**dict.fromkeys(scores, pa.float64()), count: pa.int64(), scored: pa.int64()}

    def load(self) -> None:
        """Load weights and tokenizer into this process."""
        self._loaded()

    def _loaded(self) -> Scorer:
        folder = self.folder
        return _scorer(
            str(folder),
            checkpoint.fingerprint(folder),
            self.threads,
            self.max_windows,
            tuple(sorted(self.pooling.items())),
            tuple(sorted(self.labels.items())),
            self.screen,
        )

    @property
    def screen(self) -> str | None:
        """The hash of the checkpoint's screen; None where none is there or used."""
        return checkpoint.screen_fingerprint(self.folder) if self.cascade else None

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the scores of each document; all windows of `batch` are cut into batches."""
        scorer = self._loaded()
        pending = [scorer.start(*ids) for ids in self._ids(batch, scorer)]
        found = [wait() for wait in pending]
        scores = np.concatenate([np.hstack([one.pooled, one.other]) for one in found])
        scores = np.round(scores.astype(np.float64), 6)
        *names, count, scored = self._columns()
        columns = {name: pa.array(scores[:, at]) for at, name in enumerate(names)}
        return {
            **columns,
            count: pa.array(np.concatenate([one.count for one in found])),
            scored: pa.array(np.concatenate([one.scored for one in found])),
        }

    def _ids(
        self, batch: pa.RecordBatch, scorer: Scorer
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield ids and offsets by the model's tokenizer; those of stage tokens if it is the same.

        Where a GPU works while the next ids are made, in slices of the batch, else all at once.
        """
        path = self.folder / "tokenizer.json"
        shared = file_fingerprint(path) == file_fingerprint(DEFAULT_TOKENIZER)
        if shared and TOKEN_IDS in batch.schema.names:
            column = batch.column(TOKEN_IDS)
            offsets = np.asarray(column.offsets).astype(np.int64)
            yield np.asarray(column.values)[offsets[0] : offsets[-1]], offsets - offsets[0]
            return
        encoder = load_encoder(path)
        text = batch.column("text")
        for rows in _slices(text) if scorer.is_asynchronous else [slice(0, len(text))]:
            found = encoder.encode(text[rows])
            yield found.ids, found.offsets

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the model and its screen by the hashes of their files rather than by a path."""
        data = super().fingerprint_data()
        del data["model_name"], data["cascade"]
        return data | {"model": checkpoint.fingerprint(self.folder), "screen": self.screen}


def _slices(text: pa.StringArray | pa.LargeStringArray) -> Iterator[slice]:
    """Yield slices of consecutive documents, each of about 8 MB of text; one for no documents."""
    ends = np.cumsum(np.asarray(pc.binary_length(text).fill_null(0), dtype=np.int64))
    begin = 0
    while begin < len(ends) or begin == 0:
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + _SLICE_BYTES, side="right")))
        yield slice(begin, end)
        begin = end


def _column_name(label: str) -> str:
    return re.sub(r"\W+", "_", label.strip().lower()).strip("_")
