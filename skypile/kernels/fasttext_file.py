"""Files of fastText's supervised models (``.bin``, ``.ftz``), read into NumPy arrays.

The format, version 11 and 12, is that of fastText 0.9.2 (Joulin et al. 2016: "FastText.zip",
arXiv:1612.03651, for the product quantiser): header, dictionary, kept n-grams, input matrix,
output matrix; all little-endian. Reading lid.176.ftz takes 20 ms, so nothing is cached.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from skypile.errors import InputError

__all__ = ["FastTextFile", "Matrix", "read_fasttext"]

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Matrix = F32
Number = TypeVar("Number", bound=np.generic)

MAGIC = 793712314
VERSIONS = (11, 12)
SUPERVISED = 3
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
KNOWN_LOSSES = ("hs", "softmax")
CENTROIDS = 256
_HEADER = "<2i"
_ARGS = "<12id"
_DICTIONARY = "<3i2q"


@dataclass(frozen=True)
class FastTextFile:
    """A supervised model as it stands in the file, its matrices as float32.

    `words` and `labels` are UTF-8; `label_counts` int64 (labels,). `kept` is None where n-grams
    were not pruned, else int32 (k, 2): bucket of an n-gram, row behind those of the words.
    `rows` float32 (rows, dim); `output` float32 (labels, dim).
    """

    loss: str
    word_ngrams: int
    bucket: int
    minn: int
    maxn: int
    words: tuple[bytes, ...]
    labels: tuple[bytes, ...]
    label_counts: I64
    kept: I32 | None
    rows: F32
    output: F32


class _Damaged(Exception):  # noqa: N818 -- never leaves this module
    pass


class _Reader:
    """Walks through the bytes of a file."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def numbers(self, form: str) -> tuple[int, ...]:
        try:
            found = struct.unpack_from(form, self._content, self._at)
        except struct.error:
            raise _Damaged("it ends early") from None
        self._at += struct.calcsize(form)
        return found

    def flag(self) -> bool:
        return bool(self.numbers("<B")[0])

    def array(self, kind: type[Number], *shape: int) -> npt.NDArray[Number]:
        dtype = np.dtype(kind).newbyteorder("<")
        count = 1
        for size in shape:
            if size < 0:
                raise _Damaged(f"it tells of an array of {size} values")
            count *= size
        if self._at + count * dtype.itemsize > len(self._content):
            raise _Damaged("it ends early")
        found = np.frombuffer(self._content, dtype, count, self._at)
        self._at += count * dtype.itemsize
        return found.astype(kind, copy=False).reshape(shape)

    def string(self) -> bytes:
        end = self._content.find(b"\0", self._at)
        if end < 0:
            raise _Damaged("it ends early")
        found = self._content[self._at : end]
        self._at = end + 1
        return found


def read_fasttext(path: Path) -> FastTextFile:
    """Return the supervised model of the file `path`.

    Raises InputError where it is damaged, of another version or kind, or of a loss other than
    hierarchical softmax and softmax.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return _model(_Reader(content))
    except _Damaged as error:
        raise InputError(
            f"{path}: is not a model of fastText that can be used: {error}; expected is a "
            "supervised model (.bin or .ftz), with loss hs or softmax, as fastText 0.9 saves it"
        ) from None


def _model(reader: _Reader) -> FastTextFile:
    magic, version = reader.numbers(_HEADER)
    if magic != MAGIC or version not in VERSIONS:
        raise _Damaged("it does not begin as one")
    args = reader.numbers(_ARGS)
    dim, _ws, _epoch, _least, _neg, word_ngrams, loss_code, kind, bucket, minn, maxn = args[:11]
    loss = LOSSES.get(loss_code, str(loss_code))
    if kind != SUPERVISED:
        raise _Damaged("it holds word vectors, not a classifier")
    if loss not in KNOWN_LOSSES:
        raise _Damaged(f"its loss is {loss}")
    if version == VERSIONS[0]:  # as fastText reads it: such models had no n-grams of characters
        maxn = 0
    if dim <= 0 or min(bucket, minn, maxn) < 0:
        raise _Damaged("its header holds numbers that cannot be")
    words, labels, counts, kept = _dictionary(reader)
    rows, quantized = _matrix(reader, quantized=reader.flag())
    output, _ = _matrix(reader, quantized=reader.flag() and quantized)
    ngram_rows = bucket if kept is None else len(kept)
    if rows.shape != (len(words) + ngram_rows, dim) or output.shape != (len(labels), dim):
        raise _Damaged(f"its matrices have {rows.shape} and {output.shape} values")
    return FastTextFile(
        loss, word_ngrams, bucket, minn, maxn, words, labels, counts, kept, rows, output
    )


def _dictionary(
    reader: _Reader,
) -> tuple[tuple[bytes, ...], tuple[bytes, ...], I64, I32 | None]:
    """Return words, labels, the labels' counts, and the n-grams that were kept."""
    size, word_count, label_count, _tokens, kept_count = reader.numbers(_DICTIONARY)
    if size != word_count + label_count or min(word_count, label_count - 1) < 0:
        raise _Damaged(f"its dictionary has {size} entries, {label_count} of them labels")
    names, counts = [], np.zeros(size, np.int64)
    for place in range(size):
        names.append(reader.string())
        counts[place], kind = reader.numbers("<qb")
        if kind != (place >= word_count):
            raise _Damaged("words and labels are mixed in its dictionary")
    kept = reader.array(np.int32, kept_count, 2) if kept_count >= 0 else None
    return tuple(names[:word_count]), tuple(names[word_count:]), counts[word_count:], kept


def _matrix(reader: _Reader, *, quantized: bool) -> tuple[F32, bool]:
    """Return a matrix as float32 and whether it was quantized.

    A row of a quantized one is one of 256 centroids for each piece of the row, times its norm,
    which itself is one of 256: products in float32, as fastText adds them.
    """
    if not quantized:
        rows, columns = reader.numbers("<2q")
        return reader.array(np.float32, rows, columns), False
    normed = reader.flag()
    rows, columns = reader.numbers("<2q")
    (code_count,) = reader.numbers("<i")
    pieces = code_count // rows if rows > 0 else 0
    if pieces * rows != code_count or pieces == 0:
        raise _Damaged(f"{code_count} codes for {rows} rows")
    codes = reader.array(np.uint8, rows, pieces)
    dense = _centroids(reader, columns, pieces, codes)
    if normed:
        norm_codes = reader.array(np.uint8, rows, 1)
        dense *= _centroids(reader, 1, 1, norm_codes)
    return dense, True


def _centroids(
    reader: _Reader, columns: int, pieces: int, codes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Read a product quantizer and return the rows that `codes` (rows, pieces) stand for."""
    dim, piece_count, size, last_size = reader.numbers("<4i")
    if (dim, piece_count) != (columns, pieces) or (pieces - 1) * size + last_size != columns:
        raise _Damaged("a quantizer does not fit its matrix")
    values = reader.array(np.float32, dim * CENTROIDS)
    found = np.empty((codes.shape[0], columns), np.float32)
    for piece in range(pieces):
        start = piece * size
        width = last_size if piece == pieces - 1 else size
        first = piece * CENTROIDS * size
        table = values[first : first + CENTROIDS * width].reshape(CENTROIDS, width)
        found[:, start : start + width] = table[codes[:, piece]]
    return found
