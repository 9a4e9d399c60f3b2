"""Small models in fastText's format, with weights drawn at random."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOSSES = {"hs": 1, "ns": 2, "softmax": 3, "ova": 4}
WORDS = (
    "</s>",
    "the",
    "harbour",
    "of",
    "港口",
    "café",
    "a-word-of-more-than-eight-bytes",
    "</sea>",
)
LABELS = ("__label__sea", "__label__land", "__label__air", "__label__fire", "__label__ice")


@dataclass(frozen=True)
class Made:
    """What a model is like; `pruned` and `quantized` as `fasttext quantize -cutoff` has it."""

    loss: str = "hs"
    dim: int = 10
    word_ngrams: int = 1
    bucket: int = 500
    minn: int = 2
    maxn: int = 4
    pruned: bool = False
    quantized: bool = False
    normed: bool = True
    quantized_output: bool = False
    words: tuple[str, ...] = WORDS
    kind: int = 3
    version: int = 12


def write_model(path: Path, made: Made) -> Path:
    """Write the model and return its path."""
    rng = np.random.default_rng(7)
    kept = rng.permutation(made.bucket)[: made.bucket // 3] if made.pruned else None
    rows = len(made.words) + (made.bucket if kept is None else len(kept))
    parts = [
        struct.pack("<2i", 793712314, made.version),
        struct.pack(
            "<12id", made.dim, 5, 5, 1, 5, made.word_ngrams, LOSSES[made.loss], made.kind,
            made.bucket, made.minn, made.maxn, 100, 1e-4,
        ),
        struct.pack(
            "<3i2q", len(made.words) + len(LABELS), len(made.words), len(LABELS), 1000,
            -1 if kept is None else len(kept),
        ),
    ]  # fmt: skip
    for kind, names in enumerate((made.words, LABELS)):
        for place, name in enumerate(names):
            parts.append(name.encode() + b"\0" + struct.pack("<qb", 100 >> place, kind))
    if kept is not None:
        parts += [struct.pack("<2i", bucket, row) for row, bucket in enumerate(kept)]
    parts += [_matrix(rng, rows, made, quantized=made.quantized)]
    parts += [_matrix(rng, len(LABELS), made, quantized=made.quantized_output)]
    path.write_bytes(b"".join(parts))
    return path


def _matrix(rng: np.random.Generator, rows: int, made: Made, *, quantized: bool) -> bytes:
    flag = struct.pack("<?", quantized)
    if not quantized:
        values = rng.normal(size=(rows, made.dim)).astype("<f4")
        return flag + struct.pack("<2q", rows, made.dim) + values.tobytes()
    pieces = -(-made.dim // 3)
    last = made.dim - 3 * (pieces - 1)
    codes = rng.integers(0, 256, (rows, pieces), np.uint8)
    parts = [flag, struct.pack("<?2qi", made.normed, rows, made.dim, codes.size), codes.tobytes()]
    centroids = rng.normal(size=made.dim * 256).astype("<f4")
    parts += [struct.pack("<4i", made.dim, pieces, 3, last), centroids.tobytes()]
    if made.normed:
        parts += [rng.integers(0, 256, rows, np.uint8).tobytes()]
        parts += [struct.pack("<4i", 1, 1, 1, 1), rng.random(256).astype("<f4").tobytes()]
    return b"".join(parts)
