"""Labels and probabilities are those of fastText itself, whatever the text and the model."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import fasttext
import numpy as np
import orjson
import pyarrow as pa
import pytest
import zstandard
from fasttext_files import Made, write_model
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.errors import InputError
from skypile.kernels.buffers import utf8_view
from skypile.kernels.fasttext_file import read_fasttext
from skypile.kernels.fasttext_layout import LETTERS
from skypile.kernels.fasttext_model import FastText, load_fasttext
from skypile.kernels.prefixes import heads, thirds
from skypile.stages.language import _model_path

PIECES = [
    *"aeiouxyz<>ABZ019.,-_ \t\n\v\f\r\0éйשع港カ한😀\u0301\u2028\u00a0\U0010ffff",
    "the ", "of ", "</s>", " </s> ", "__label__", "__label__en ", "harbour", "über ", "où ", "й",
]  # fmt: skip
TEXTS = st.lists(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), max_size=4)
EDGES = [
    "", " ", "\0", "\n\n", "<", ">", "<>", "a", "é", "😀" * 50, "x" * (LETTERS - 2),
    "x" * (LETTERS - 1), "é" * LETTERS, "ab" * LETTERS + " the " + "й" * LETTERS, "the " * 3000,
    "a b " * 1200 + "é " * 900, "</s> hello", "hello </s> bonjour le monde", "</s", "</s>>",
    "__label__en bonjour", "__label__zz le monde", "__label_", "\u0300" * 40, "word\u0300 " * 9,
]  # fmt: skip


@cache
def reference(path: str):
    return fasttext.load_model(path)


def line(text: str) -> str:
    """What fastText's package takes: newlines are separators for the kernel."""
    return text.replace("\n", " ")


def assert_same(path: Path, texts: list[str], most: float = 0.0) -> None:
    model = load_fasttext(path)
    data, borders = utf8_view(pa.array(texts, pa.string()))
    found, chances = model.predict(data, borders[:-1], borders[1:])
    for text, number, chance in zip(texts, found.tolist(), chances.tolist(), strict=True):
        labels, wanted = reference(str(path)).predict(line(text), k=1)
        if not labels:
            assert (number, chance) == (-1, 0.0)
            continue
        assert model.labels[number] == labels[0].removeprefix("__label__"), text
        assert abs(chance - min(wanted[0], 1.0)) <= most, text


def test_lid_edges():
    assert_same(_model_path(), EDGES)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_lid_on_generated_texts(texts):
    assert_same(_model_path(), texts)


@pytest.mark.parametrize("name", ["lid/dev", "corpus/other_langs", "corpus/en_docs", "corpus/code"])
def test_lid_on_documents(shared_data, name):
    with (shared_data / f"{name}.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    texts = [orjson.loads(each)["text"] for each in lines[:: 1 + len(lines) // 800]]
    assert_same(_model_path(), [text[:500] for text in texts])
    assert_same(_model_path(), texts[:40])


MODELS = [
    Made(),
    Made(loss="softmax", dim=16),
    Made(word_ngrams=3, minn=0, maxn=0),
    Made(loss="softmax", word_ngrams=2, minn=1, maxn=3, dim=33),
    Made(bucket=0, minn=0, maxn=0),
    Made(pruned=True, quantized=True),
    Made(pruned=True, quantized=True, normed=False, word_ngrams=2, minn=3, maxn=6, dim=7),
    Made(quantized=True, quantized_output=True, loss="softmax"),
    Made(version=11, word_ngrams=2),
    Made(words=("the",), bucket=0, minn=0, maxn=0),
]


@pytest.mark.parametrize("made", MODELS, ids=str)
def test_other_models(tmp_path, made):
    path = write_model(tmp_path / "model.bin", made)
    texts = [*EDGES, "the harbour of the port 港口 café", "a-word-of-more-than-eight-bytes or-not"]
    # A quantized output matrix is multiplied out first here, and last in fastText.
    assert_same(path, texts, 1e-6 if made.quantized_output else 0.0)


def test_what_cannot_be_used_is_refused(tmp_path):
    good = write_model(tmp_path / "good.bin", Made()).read_bytes()
    for name, content in {
        "empty": b"", "cut": good[:-1], "cut early": good[:40], "text": b"not a model" * 9,
        "rows": good[:64] + struct.pack("<3i", 9, 4, 5) + good[76:],
    }.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: is not a model"):
            read_fasttext(path)
    for made, told in [(Made(loss="ova"), "its loss is ova"), (Made(kind=2), "word vectors")]:
        with pytest.raises(InputError, match=told):
            read_fasttext(write_model(tmp_path / "other.bin", made))
    with pytest.raises(InputError, match="cannot be read"):
        read_fasttext(tmp_path / "missing.bin")


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(1, 90))
def test_pieces_are_cut_at_characters(texts, count):
    data, borders = utf8_view(pa.array(texts, pa.string()))
    ends, full = heads(data, borders[:-1], borders[1:], count)
    pieces, cuts = thirds(data, borders[:-1], borders[1:], count)
    for row, text in enumerate(texts):
        assert data[borders[row] : ends[row]].tobytes().decode() == text[:count]
        assert full[row] == (len(text) >= count)
        third = len(text) // 3
        wanted = " ".join(text[start : start + count] for start in (0, third, 2 * third))
        assert pieces[cuts[row] : cuts[row + 1]].tobytes().decode() == wanted


def test_a_model_is_read_once():
    first = load_fasttext(_model_path())
    assert isinstance(first, FastText) and load_fasttext(_model_path()) is first
    assert len(first.labels) == 176 and "zh" in first.labels
    assert first.tables.rows.dtype == np.float32
