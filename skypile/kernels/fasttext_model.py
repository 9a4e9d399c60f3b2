"""A model of fastText, ready to label texts of Arrow buffers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from skypile.errors import InputError
from skypile.kernels.fasttext import predict
from skypile.kernels.fasttext_file import read_fasttext
from skypile.kernels.fasttext_layout import Tables
from skypile.kernels.fasttext_tables import tables

__all__ = ["FastText", "load_fasttext"]


@dataclass(frozen=True)
class FastText:
    """A supervised model: `labels` without ``__label__``, and what the kernel needs."""

    labels: tuple[str, ...]
    tables: Tables

    def predict(
        self,
        data: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        stops: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Return the place in `labels` and the probability of each data[start:stop].

        A text is one line, whatever its newlines. The probability, which fastText may find up to
        2e-5 above 1, is 1 at most; where a model knows nothing of a text, -1 and 0. `data` is
        followed by PADDING_BYTES bytes.
        """
        found, chances = predict(data, starts, stops, self.tables)
        return found, np.minimum(chances.astype(np.float64), 1.0)


@cache
def load_fasttext(path: Path) -> FastText:
    """Return the model of the file `path` (``.bin`` or ``.ftz``); a process reads it once.

    Raises InputError where it is no supervised model with loss hs or softmax.
    """
    model = read_fasttext(path)
    try:
        labels = tuple(label.decode().removeprefix("__label__") for label in model.labels)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: a label is not UTF-8: {error}") from error
    return FastText(labels, tables(model))
