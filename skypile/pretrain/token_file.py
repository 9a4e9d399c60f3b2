"""A flat file of token ids with the borders of its documents, written once and mapped by readers.

A folder holds `part-00000.tok` (uint16 or uint32, little-endian, documents end to end),
`part-00000.idx` (int64: where each document begins, and at last the count of tokens) and
`manifest.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import InputError, OutputError

__all__ = ["TokenFile", "TokenManifest", "open_tokens", "write_tokens"]

I64 = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]

_PART = "part-00000"


class TokenManifest(BaseModel):
    """What a folder of tokens holds; `manifest.json` is this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    dtype: Literal["uint16", "uint32"]
    vocabulary_count: int = Field(ge=1)
    token_count: int = Field(ge=0)
    document_count: int = Field(ge=0)
    tokenizer_sha256: str


@dataclass(frozen=True)
class TokenFile:
    """All tokens, mapped and read-only; document d is tokens[offsets[d] : offsets[d + 1]]."""

    path: Path
    tokens: Tokens
    offsets: I64
    manifest: TokenManifest

    @property
    def token_count(self) -> int:
        """The number of tokens of all documents."""
        return len(self.tokens)

    def too_short(self, needed: int) -> InputError:
        """Return the error of a file that holds fewer tokens than one row needs."""
        return InputError(
            f"{self.path}: holds {self.token_count} tokens, but a row needs {needed}; "
            "tokenize more text or train on shorter rows"
        )


def open_tokens(folder: Path) -> TokenFile:
    """Return the tokens of a folder, mapped; raises InputError where files are missing or torn."""
    try:
        manifest = TokenManifest.model_validate_json((folder / "manifest.json").read_bytes())
        path = folder / f"{_PART}.tok"
        tokens: Tokens = np.memmap(path, dtype=np.dtype(manifest.dtype), mode="r")
        offsets = np.fromfile(folder / f"{_PART}.idx", dtype=np.int64)
    except ValidationError as error:
        raise InputError(f"{folder}/manifest.json: {error}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: is no folder of tokens ({error})") from error
    if len(tokens) != manifest.token_count or len(offsets) != manifest.document_count + 1:
        raise InputError(
            f"{folder}: holds {len(tokens)} tokens and {len(offsets) - 1} documents, but its "
            f"manifest.json says {manifest.token_count} and {manifest.document_count}; "
            "tokenize again"
        )
    if offsets[0] != 0 or offsets[-1] != len(tokens) or (np.diff(offsets) < 0).any():
        raise InputError(f"{folder}/{_PART}.idx: its borders do not fit its tokens; tokenize again")
    return TokenFile(path, tokens, offsets, manifest)


def write_tokens(
    folder: Path,
    documents: Iterable[npt.NDArray[np.uint32]],
    *,
    vocabulary_count: int,
    tokenizer_sha256: str,
) -> TokenManifest:
    """Write documents (their ids, special tokens included) in order; return the manifest.

    The ids take two bytes each where the vocabulary allows. Raises OutputError.
    """
    dtype: Literal["uint16", "uint32"] = "uint16" if vocabulary_count <= 1 << 16 else "uint32"
    borders = [0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{_PART}.tok").open("wb") as file:
            for ids in documents:
                assert len(ids) == 0 or int(ids.max()) < vocabulary_count
                file.write(ids.astype(dtype).tobytes())
                borders.append(borders[-1] + len(ids))
        np.array(borders, np.int64).tofile(folder / f"{_PART}.idx")
        manifest = TokenManifest(
            dtype=dtype,
            vocabulary_count=vocabulary_count,
            token_count=borders[-1],
            document_count=len(borders) - 1,
            tokenizer_sha256=tokenizer_sha256,
        )
        text = json.dumps(manifest.model_dump(), indent=1) + "\n"
        (folder / "manifest.json").write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    return manifest
