"""The kernels against plain Python over skypile.text, and against datasketch."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skypile import text as definition
from skypile.kernels import minhash, shingles

M64 = 2**64 - 1
K = 0x9E3779B97F4A7C15
WORD_SALT, CHAR_SALT, SHORT_SALT = 0x2545F4914F6CDD1D, 0xD1342543DE82EF95, 0xA0761D6478BD642F

MIXED = st.text(
    st.one_of(
        st.sampled_from(
            "aZ09é ÁáÀßжШ中国的日ひカ한글、。，！　\u00a0\t\n.-_×÷Ａｚ９ﬁ😀𠀀\u0085\u2028\ufeff"
        ),
        st.characters(codec="utf-8"),
    ),
    max_size=300,
)


def packed(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [each.encode() for each in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    offsets[1:] = np.cumsum([len(each) for each in encoded])
    return np.frombuffer(b"".join(encoded) + bytes(64), np.uint8), offsets


def fmix32(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B % 2**32
    value = (value ^ value >> 13) * 0xC2B2AE35 % 2**32
    return value ^ value >> 16


def fmix64(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & M64
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & M64
    return value ^ value >> 33


def token_hash(token: str) -> int:
    if definition.is_cjk(token[0]):
        return fmix32(ord(token))
    data = token.encode()
    value = len(data) * K & M64
    while len(data) > 8:
        value = (value ^ int.from_bytes(data[:8], "little")) * 0xE7037ED1A0B428DB & M64
        value ^= value >> 29
        data = data[8:]
    rest = int.from_bytes(data, "little") << 64 - 8 * len(data)
    return fmix64((value ^ rest) * 0xE7037ED1A0B428DB & M64) >> 32


def shingle_hash(shingle: tuple[str, ...]) -> int:
    salt = CHAR_SALT if definition.is_cjk(shingle[0][0]) else WORD_SALT
    value = 0
    for token in shingle:
        value = value * K + token_hash(token)
    short = len(shingle) * SHORT_SALT if len(shingle) < definition.SHINGLE_TOKENS else 0
    return fmix64(value + salt + short & M64)


def twin_hashes(text: str) -> list[int]:
    return sorted({shingle_hash(each) for each in definition.shingles(text)})


def kernel_hashes(text: str) -> list[int]:
    data, offsets = packed([text])
    return shingles.shingle_hashes(data, 0, int(offsets[1])).tolist()


def folded(hashes: list[int]) -> np.ndarray:
    return np.array([each & 0xFFFFFFFF ^ each >> 32 for each in hashes], np.uint32)


def datasketch_values(hashes: np.ndarray, seed: int) -> np.ndarray:
    sketch = MinHash(num_perm=128, seed=seed, scheme="affine32", hashfunc=int)
    sketch.update_batch(hashes.tolist())
    return sketch.hashvalues


@given(MIXED)
@example("a" * 63 + "中" + "b" * 64 + " c")
@example("word " * 2000 + "中文字符" * 900)
@example("x" * 5000)
@example("Á á Á á Á á")
@settings(deadline=None)
def test_shingles_are_those_of_the_definition(text):
    assert kernel_hashes(text) == twin_hashes(text)


@given(st.integers(0, 130), st.integers(0, 70), st.sampled_from(["", "中", " ", "é", "。"]))
@settings(deadline=None)
def test_window_borders_leave_no_trace(letters, spaces, between):
    text = "q" * letters + between + " " * spaces + "rest of the words, of which there are six"
    assert kernel_hashes(text) == twin_hashes(text)


@given(MIXED)
@example("A\x00b \x1c\x7f" + "x" * 63 + "中 Ａ\u3000é" + "𠀀" * 20)
@settings(deadline=None)
def test_normalized_bytes_are_those_of_the_definition(text):
    data, offsets = packed(["before Ａ", text, "　after"])
    out, borders = minhash.normalized_bytes(data, offsets)
    assert bytes(out[borders[1] : borders[2]]) == definition.normalized(text).encode()


@given(st.lists(MIXED, max_size=5), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_signatures_equal_datasketch_given_the_same_hashes(texts, seed):
    a, b = minhash.permutations(seed)
    values, counts = minhash.signatures(*packed(texts), a, b)
    assert values.dtype == np.uint32 and counts.dtype == np.int32
    for row, count, text in zip(values, counts, texts, strict=True):
        hashes = folded(twin_hashes(text))
        assert np.array_equal(row, datasketch_values(hashes, seed))
        assert np.array_equal(row, minhash.minhash_of_hashes(hashes, a, b))
        assert (count > 0) == (hashes.size > 0)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
@settings(deadline=None)
def test_minhash_of_hashes_equals_datasketch(hashes):
    array = np.array(hashes, np.uint32)
    mine = minhash.minhash_of_hashes(array, *minhash.permutations(1))
    assert np.array_equal(mine, datasketch_values(array, 1))


@pytest.mark.parametrize("seed", [0, 1, 7, 2**32 - 1])
def test_permutations_are_those_of_datasketch(seed):
    theirs = MinHash(num_perm=128, seed=seed, scheme="affine32").permutations
    assert np.array_equal(np.array(minhash.permutations(seed)), theirs)


@pytest.mark.parametrize("text", ["", " \n", "!!! ... 。。。", "——×÷"])
def test_a_text_without_token_has_the_empty_signature(text):
    values, counts = minhash.signatures(*packed([text]), *minhash.permutations(1))
    assert counts.tolist() == [0]
    assert np.all(values == minhash.EMPTY_VALUE)


def test_shingles_are_counted_with_their_repetitions_over_chunk_borders():
    words = " ".join(f"w{i % 7}" for i in range(5000))
    text = words + "汉字" * 3000
    _, counts = minhash.signatures(*packed([text, "one", "一二三"]), *minhash.permutations(1))
    assert counts.tolist() == [5000 - 4 + 6000 - 4, 1, 1]
    assert kernel_hashes(text) == twin_hashes(text)


def test_neighbours_in_a_batch_leave_no_trace():
    texts = ["the quick brown fox jumps over", "中文字符测试文本", "", "x", "a b c d e f g"]
    a, b = minhash.permutations(1)
    together, _ = minhash.signatures(*packed(texts), a, b)
    apart = [minhash.signatures(*packed([each]), a, b)[0][0] for each in texts]
    assert np.array_equal(together, np.array(apart))


def test_damaged_utf8_neither_hangs_nor_reads_outside():
    rng = np.random.default_rng(3)
    for _ in range(50):
        data = rng.integers(0, 256, 400).astype(np.uint8)
        offsets = np.array([0, 130, 336], np.int64)
        minhash.signatures(data, offsets, *minhash.permutations(1))
        out, borders = minhash.normalized_bytes(data, offsets)
        assert 0 <= borders[1] <= borders[2] <= out.size


@given(st.sets(st.integers(0, 2**64 - 1), max_size=30), st.sets(st.integers(0, 9), max_size=9))
@settings(deadline=None)
def test_shared_count_is_the_size_of_the_intersection(left, right):
    arrays = [np.array(sorted(each), np.uint64) for each in (left, right)]
    assert shingles.shared_count(*arrays) == len(left & right)


def twin_fss(hashes: list[int], seed: int) -> list[int]:
    """Return Fast Similarity Sketching's values (Dahlgaard et al. 2017, algorithm 1)."""
    whole = 2**64 - 1
    row = [minhash.EMPTY_VALUE] * minhash.SIGNATURE_VALUES
    for number in range(2 * len(row)):
        if not hashes or minhash.EMPTY_VALUE not in row:
            break
        for each in hashes:
            value = (
                each ^ ((number + 1) * 0x9E3779B97F4A7C15 & whole) ^ seed
            ) * 0xD6E8FEB86659FD93 & whole
            value = (value ^ value >> 32) * 0xD6E8FEB86659FD93 & whole
            value ^= value >> 29
            place = value >> 57 if number < len(row) else number - len(row)
            row[place] = min(row[place], number << 24 | value >> 16 & 0xFFFFFF)
    return row


@given(st.lists(MIXED, max_size=4), st.integers(0, 2**32 - 1))
@example(["word " * 30 + "中文字符" * 30], 1)
@settings(deadline=None, max_examples=30)
def test_fast_similarity_sketches_equal_the_twin(texts, seed):
    data, offsets = packed(texts)
    values, counts = minhash.fss_signatures(data, offsets, seed)
    for row, text in enumerate(texts):
        hashes = kernel_hashes(text)
        assert values[row].tolist() == twin_fss(hashes, seed)
        assert (
            values[row].tolist()
            == minhash.fss_of_hashes(np.array(hashes, np.uint64), seed).tolist()
        )
    assert (
        counts.tolist() == minhash.signatures(data, offsets, *minhash.permutations(1))[1].tolist()
    )


@pytest.mark.parametrize("size", [20, 60, 300])
def test_fast_similarity_sketches_are_right_on_average_and_vary_less(size):
    rng = np.random.default_rng(size)
    errors, true = [], 0.0
    for seed in range(400):
        shared = round(2 * size * 0.8 / 1.8)
        drawn = rng.integers(0, 2**64, 2 * size - shared, dtype=np.uint64)
        true = shared / drawn.size
        one, two = (
            minhash.fss_of_hashes(each, seed) for each in (drawn[:size], drawn[size - shared :])
        )
        errors.append(np.mean(one == two) - true)
    theory = (true * (1 - true) / 128) ** 0.5
    assert abs(np.mean(errors)) < 4 * theory / 400**0.5
    assert np.sqrt(np.mean(np.square(errors))) < 0.93 * theory


def test_a_long_text_s_sketch_does_not_hang_on_the_order_of_its_shingles():
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 2**64, 20_000, dtype=np.uint64)
    same = minhash.fss_of_hashes(rng.permutation(np.concatenate([hashes, hashes[:500]])), 5)
    assert minhash.fss_of_hashes(hashes, 5).tolist() == same.tolist()
