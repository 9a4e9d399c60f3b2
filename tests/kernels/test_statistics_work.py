"""The work of the statistics kernels on texts made to be slow, counted, not timed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import statistics_twin as twin

from skypile.kernels import chars, counts, ngrams
from skypile.kernels.buffers import utf8_view
from skypile.kernels.narrow import NARROW

SIZES = (5_000, 20_000)
# Name -> a text of so many words or lines.
HOSTILE = {
    "one letter": lambda n: "a" * n,
    "one word": lambda n: "a " * n,
    "two words by turns": lambda n: "a b " * (n // 2),
    "one line": lambda n: "the same line\n" * n,
    "different lines": lambda n: "".join(f"line {i}\n" for i in range(n)),
    "one beginning": lambda n: "".join(f"{'prefix' * 7}{i:07d} " for i in range(n)),
    "one end": lambda n: "".join(f"{i:07d}{'suffix' * 7} " for i in range(n)),
    "four words and another": lambda n: "".join(f"a b c d {i} " for i in range(n)),
    "combining marks": lambda n: "a" + "\u0301" * n,
    "one Han character": lambda n: "中" * n,
    "all Han characters": lambda n: "".join(chr(0x4E00 + i % 20_000) for i in range(n)),
    "pairs of pairs": lambda n: "".join(f"{i % 7} {i % 11} " for i in range(n // 2)),
    "brackets": lambda n: "【" * (n // 2) + "】" * (n // 2),
}


def work_of(text: str) -> np.ndarray:
    """Return how many places n-grams were looked for at, and how often a slot was taken."""
    data, offsets = utf8_view(pa.array([text]))
    work, out = np.zeros(2, np.int64), np.zeros((1, len(ngrams.FIELDS)), np.int64)
    ngrams._repetition(data, offsets, NARROW, counts.scratch_chars(offsets), work, out)
    return work


@pytest.mark.parametrize("name", HOSTILE)
def test_work_grows_with_the_length(name):
    few, many = (work_of(HOSTILE[name](size)) for size in SIZES)
    assert many.sum() <= 16 * len(HOSTILE[name](SIZES[1]))
    # Tables are between a quarter and a half full: which of it, a length decides by chance.
    assert many.sum() <= 1.5 * SIZES[1] / SIZES[0] * max(few.sum(), 100)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_have_the_counts_of_the_twin(name):
    text = HOSTILE[name](600)
    matrix, nats = counts.counts(*utf8_view(pa.array([text])))
    wanted = twin.counts(text)
    for field, at in counts.FIELDS.items():
        assert field.endswith("_bits") or matrix[0, at] == wanted.get(field, 0), field
    assert nats[0] == pytest.approx(twin.entropy(text), abs=1e-9)
    found = ngrams.repetition(*utf8_view(pa.array([text])))[0]
    assert dict(zip(ngrams.FIELDS, found.tolist(), strict=True)) == twin.repetition(text)


def test_a_line_of_fifty_megabytes_counts_up_to_the_limit():
    data, offsets = utf8_view(pa.array(["a" * 50_000_000, "b"]))
    matrix, _ = counts.counts(data, offsets)
    assert matrix[:, counts.FIELDS["line_max"]].tolist() == [chars.MAX_BYTES, 1]
    assert matrix[:, counts.FIELDS["words"]].tolist() == [1, 1]
    assert ngrams.repetition(data, offsets)[:, 8].tolist() == [chars.MAX_BYTES, 1]
