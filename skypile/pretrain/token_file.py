"""A flat file of token ids with the borders of its documents, written once and mapped by readers.

A folder holds `part-00000.tok` (uint16 or uint32, little-endian, documents end to end),
`part-00000.idx` (int64: where each document begins, and at last the count of tokens) and
`manifest.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import InputError, OutputError

__all__ = ["TokenFile", "TokenManifest", "TokenWriter", "open_tokens", "write_tokens"]

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


class TokenWriter:
    """Writes documents end to end into the token file of a folder.

    Used as a context. The files have their names when the block ends well, manifest.json last; when
    it does not, nothing is left of them. Raises OutputError.
    """

    def __init__(self, folder: Path, *, vocabulary_count: int, tokenizer_sha256: str) -> None:
        self.folder = folder
        self.vocabulary_count, self.tokenizer_sha256 = vocabulary_count, tokenizer_sha256
        # Two bytes a token where the vocabulary allows.
        self.dtype: Literal["uint16", "uint32"]
        self.dtype = "uint16" if vocabulary_count <= 1 << 16 else "uint32"
        self.token_count = 0
        self._lengths: list[I64] = []
        self._beside = folder / f"{_PART}.tok.{os.getpid()}.tmp"

    @property
    def document_count(self) -> int:
        """How many documents were added."""
        return sum(map(len, self._lengths))

    def __enter__(self) -> Self:
        with self._told():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = self._beside.open("wb")
        return self

    def add(self, ids: npt.NDArray[np.uint32], lengths: I64) -> None:
        """Append documents: their ids end to end, special tokens included, and their lengths."""
        assert int(lengths.sum()) == len(ids)
        assert len(ids) == 0 or int(ids.max()) < self.vocabulary_count
        with self._told():
            self._file.write(ids.astype(self.dtype).tobytes())
        self._lengths.append(lengths.astype(np.int64))
        self.token_count += len(ids)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._told():
                self._file.close()
                if kind is None:
                    self._finish()
        finally:
            self._beside.unlink(missing_ok=True)

    def _finish(self) -> None:
        borders = np.zeros(self.document_count + 1, np.int64)
        np.cumsum(np.concatenate([*self._lengths, np.empty(0, np.int64)]), out=borders[1:])
        index = self._beside.with_suffix(".idx")
        borders.tofile(index)
        index.replace(self.folder / f"{_PART}.idx")
        self._beside.replace(self.folder / f"{_PART}.tok")
        text = json.dumps(self.manifest.model_dump(), indent=1) + "\n"
        whole = self._beside.with_suffix(".json")
        whole.write_text(text, "utf-8")
        whole.replace(self.folder / "manifest.json")

    @property
    def manifest(self) -> TokenManifest:
        """What the folder holds so far."""
        return TokenManifest(
            dtype=self.dtype,
            vocabulary_count=self.vocabulary_count,
            token_count=self.token_count,
            document_count=self.document_count,
            tokenizer_sha256=self.tokenizer_sha256,
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror})") from error


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
    writer = TokenWriter(
        folder, vocabulary_count=vocabulary_count, tokenizer_sha256=tokenizer_sha256
    )
    with writer:
        for ids in documents:
            writer.add(ids, np.array([len(ids)], np.int64))
    return writer.manifest
