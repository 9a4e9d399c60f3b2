"""Flat files of token ids with the borders of their documents, written once, mapped by readers.

A folder holds parts, `part-00000.tok` (uint16 or uint32, little-endian, documents end to end) with
`part-00000.idx` (int64: where each document begins, and at last the count of tokens), and
`manifest.json`, which lists them. Readers see the parts as one file, in the order of the list.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import InputError, OutputError

__all__ = [
    "Part", "TokenDtype", "TokenFile", "TokenManifest", "TokenWriter", "Tokens", "borders_of",
    "open_tokens", "token_dtype", "write_tokens",
]  # fmt: skip

I64 = npt.NDArray[np.int64]
TokenDtype = Literal["uint16", "uint32"]
Ids = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]

_PART = "part-00000"
# A mapped file costs a descriptor, of which a process may often have no more than 1,024.
_MAPPED_PARTS = 256


class Part(BaseModel):
    """One pair of files of a folder; `xxh3` is the hash (128 bits) of the ids, "" for none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^part-\d{5,}$")
    token_count: int = Field(ge=1)
    document_count: int = Field(ge=0)
    xxh3: str = ""


class TokenManifest(BaseModel):
    """What a folder of tokens holds; `manifest.json` is this. Without `parts` it is part 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1, 2] = 2
    dtype: TokenDtype
    vocabulary_count: int = Field(ge=1)
    token_count: int = Field(ge=0)
    document_count: int = Field(ge=0)
    tokenizer_sha256: str
    parts: tuple[Part, ...] = ()


def token_dtype(vocabulary_count: int) -> TokenDtype:
    """Return how ids are stored: in two bytes each where the vocabulary allows."""
    return "uint16" if vocabulary_count <= 1 << 16 else "uint32"


class Tokens:
    """The ids of several files end to end; slices are views of one, or copies across borders."""

    def __init__(self, paths: Sequence[Path], counts: Sequence[int], dtype: TokenDtype) -> None:
        self.dtype: np.dtype[np.uint16] | np.dtype[np.uint32] = np.dtype(dtype)
        self._paths = tuple(paths)
        self._begins = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._mapped = lru_cache(maxsize=_MAPPED_PARTS)(self._map)

    def __len__(self) -> int:
        return int(self._begins[-1])

    def __getitem__(self, wanted: slice) -> Ids:
        first, end, step = wanted.indices(len(self))
        assert step == 1, "tokens are read in runs"
        number = int(np.searchsorted(self._begins, first, side="right")) - 1
        pieces: list[Ids] = []
        while first < end:
            begin, after = self._begins[number : number + 2].tolist()
            pieces.append(self._mapped(number)[first - begin : min(end, after) - begin])
            first, number = after, number + 1
        if len(pieces) == 1:
            return pieces[0]
        joined: Ids = np.concatenate([*pieces, np.empty(0, self.dtype)])
        return joined

    def _map(self, number: int) -> Ids:
        path = self._paths[number]
        try:
            found: Ids = np.memmap(path, dtype=self.dtype, mode="r")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); tokenize again") from error
        return found


@dataclass(frozen=True)
class TokenFile:
    """All tokens of a folder, mapped and read-only; `path` is that of its first file.

    Document d is tokens[offsets[d] : offsets[d + 1]].
    """

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
    """Return the tokens of a folder; raises InputError where files are missing or torn."""
    try:
        manifest = TokenManifest.model_validate_json((folder / "manifest.json").read_bytes())
    except ValidationError as error:
        raise InputError(f"{folder}/manifest.json: {error}") from error
    except OSError as error:
        raise InputError(f"{folder}: is no folder of tokens ({error})") from error
    parts = manifest.parts
    if not parts and manifest.token_count:
        parts = (_only_part(manifest.token_count, manifest.document_count),)
    found = tuple(sum(getattr(part, name) for part in parts) for name in (
        "token_count", "document_count"))  # fmt: skip
    if found != (manifest.token_count, manifest.document_count):
        raise InputError(
            f"{folder}/manifest.json: its parts hold {found[0]} tokens and {found[1]} documents, "
            f"it says {manifest.token_count} and {manifest.document_count}; tokenize again"
        )
    offsets = [np.zeros(1, np.int64)]
    for part in parts:
        offsets.append(_borders(folder, part, manifest.dtype)[1:] + offsets[-1][-1])
    paths = [folder / f"{part.name}.tok" for part in parts]
    tokens = Tokens(paths, [part.token_count for part in parts], manifest.dtype)
    first = paths[0] if paths else folder / f"{_PART}.tok"
    return TokenFile(first, tokens, np.concatenate(offsets), manifest)


def _only_part(token_count: int, document_count: int) -> Part:
    return Part(name=_PART, token_count=token_count, document_count=document_count)


def _borders(folder: Path, part: Part, dtype: TokenDtype) -> I64:
    """Return the borders of a part's documents; raises InputError where its files are not whole."""
    path, index = (folder / f"{part.name}.{end}" for end in ("tok", "idx"))
    width = np.dtype(dtype).itemsize
    try:
        size, index_size = path.stat().st_size, index.stat().st_size
        borders = np.fromfile(index, dtype=np.int64)
    except OSError as error:
        told = f"{error.strerror}: {error.filename}"
        raise InputError(f"{folder}: is no folder of tokens ({told}); tokenize again") from error
    if size != part.token_count * width or index_size != 8 * (part.document_count + 1):
        raise InputError(
            f"{path}: holds {size / width:g} tokens and {index_size / 8 - 1:g} documents, but the "
            f"manifest.json beside it says {part.token_count} and {part.document_count}; "
            "tokenize again"
        )
    if borders[0] != 0 or borders[-1] != part.token_count or (np.diff(borders) < 0).any():
        raise InputError(f"{index}: its borders do not fit its tokens; tokenize again")
    return borders


def borders_of(lengths: Sequence[I64]) -> I64:
    """Return where documents of these lengths begin, and at last where they end: an index's data.

    >>> borders_of([np.array([3, 1]), np.array([2])]).tolist()
    [0, 3, 4, 6]
    """
    every = np.concatenate([np.zeros(1, np.int64), *lengths])
    return np.cumsum(every, dtype=np.int64)


class TokenWriter:
    """Writes documents end to end into the one part of a folder.

    Used as a context. The files have their names when the block ends well, manifest.json last; when
    it does not, nothing is left of them. Raises OutputError.
    """

    def __init__(self, folder: Path, *, vocabulary_count: int, tokenizer_sha256: str) -> None:
        self.folder = folder
        self.vocabulary_count, self.tokenizer_sha256 = vocabulary_count, tokenizer_sha256
        self.dtype = token_dtype(vocabulary_count)
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
        borders = borders_of(self._lengths)
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
        only = _only_part(self.token_count, self.document_count) if self.token_count else None
        return TokenManifest(
            dtype=self.dtype,
            vocabulary_count=self.vocabulary_count,
            token_count=self.token_count,
            document_count=self.document_count,
            tokenizer_sha256=self.tokenizer_sha256,
            parts=(only,) if only else (),
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

    Raises OutputError.
    """
    writer = TokenWriter(
        folder, vocabulary_count=vocabulary_count, tokenizer_sha256=tokenizer_sha256
    )
    with writer:
        for ids in documents:
            writer.add(ids, np.array([len(ids)], np.int64))
    return writer.manifest
