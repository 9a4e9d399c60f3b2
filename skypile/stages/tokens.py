"""Tokens: how many tokens a document has, by the one encoding that every later stage shares."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from skypile import tokens as engine
from skypile.errors import TokenizerError
from skypile.stage import Stage

__all__ = ["TOKEN_IDS", "Tokens", "file_fingerprint"]

# Token ids of a document, for stages that run on them. Never written to a file.
TOKEN_IDS = "token_ids"
TOKEN_IDS_TYPE = pa.large_list(pa.uint32())


@lru_cache(maxsize=8)
def file_fingerprint(path: str | Path) -> str:
    """Return the SHA-256 of a tokenizer's file, read once; TokenizerError if it is not there."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise TokenizerError(f"{path}: the tokenizer cannot be read: {error.strerror}") from error


class Tokens(Stage):
    """Count tokens, and keep the ids for the model that shares the tokenizer.

    `tokenizer` is ``default`` (the byte-level BPE that comes with the package) or the path of a
    ``tokenizer.json``. No special tokens are counted. The ids stay for later stages only where
    the tokenizer is the default one: whoever finds them knows whose they are.
    """

    version: ClassVar[int] = 1
    transient: ClassVar[frozenset[str]] = frozenset({TOKEN_IDS})

    tokenizer: str = "default"

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002 - pydantic's signature
        """Refuse a tokenizer that is not there when the recipe is loaded."""
        file_fingerprint(self.path)

    @property
    def path(self) -> str:
        """The file of the tokenizer."""
        return str(engine.DEFAULT_TOKENIZER) if self.tokenizer == "default" else self.tokenizer

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """`tokens`: int64; `token_ids`: list of uint32, dropped before anything is written."""
        ids = {TOKEN_IDS: TOKEN_IDS_TYPE} if self.tokenizer == "default" else {}
        return {"tokens": pa.int64(), **ids}

    def load(self) -> None:
        """Load the tokenizer into this process."""
        engine.load_encoder(self.path)

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Encode each text; an empty text has zero tokens."""
        found = engine.load_encoder(self.path).encode(batch.column("text"))
        columns = {"tokens": pa.array(np.diff(found.offsets), pa.int64())}
        if self.tokenizer == "default":
            offsets, ids = pa.array(found.offsets), pa.array(found.ids)
            columns[TOKEN_IDS] = pa.LargeListArray.from_arrays(offsets, ids)
        return columns

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the tokenizer by the hash of its file."""
        data = super().fingerprint_data()
        return data | {"tokenizer": file_fingerprint(self.path)}
