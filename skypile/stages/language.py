"""Language: which language a document is in, and so to which domain it belongs."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from skypile.errors import InputError
from skypile.stage import Stage

__all__ = ["CODE_FEATURES", "Language", "code_features"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# The columns of Counts that the router reads.
CODE_FEATURES = (
    "ascii_punct_frac", "indented_line_frac", "code_line_frac", "stop_word_frac", "letter_frac",
)  # fmt: skip
LETTERS = ("latin", "han", "kana", "hangul", "cyrillic", "other_letter")


def _column(batch: pa.RecordBatch, name: str) -> Floats:
    return np.asarray(batch.column(name), np.float64)


def code_features(batch: pa.RecordBatch) -> Floats:
    """Return (rows, len(CODE_FEATURES)): the statistics that tell source code from prose."""
    letters = np.sum([_column(batch, f"{script}_frac") for script in LETTERS], axis=0)
    columns = [letters if name == "letter_frac" else _column(batch, name) for name in CODE_FEATURES]
    return np.stack(columns, axis=1)
