"""Ids of texts, by the encoder and by the library that a tokenizer was made with."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from tokenizers import Regex, Tokenizer, pre_tokenizers

from classifiers.train_tokenizer import PATTERN
from skypile import tokens
from skypile.tokens import Encoder

TEXTS = [
    "The cat sat on the mat, 3.14 times.",
    "我们喜欢自然语言处理，也喜欢机器学习。" * 3,
    "for (int i = 0; i < 10; ++i) {\r\n\ta[i] += b['k'];\r\n}\n",
]


@lru_cache(maxsize=1)
def reference(path: Path) -> Tokenizer:
    """Return the tokenizer of a file, as the library that it was made with reads it."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    return tokenizer


def reference_ids(path: Path, texts: list[str]) -> list[list[int]]:
    tokenizer = reference(path)
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


def ids_of(encoder: Encoder, texts: list[str | None]) -> list[list[int]]:
    found = encoder.encode(pa.array(texts, pa.string()))
    borders = found.offsets.tolist()
    return [found.ids[a:b].tolist() for a, b in itertools.pairwise(borders)]


def qwen_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def shortening_encoder(path: Path) -> Encoder:
    """Return a new encoder that shortens Chinese from the first text on."""
    encoder = Encoder(path.read_bytes(), path)
    limit, tokens._SHORTENING_BYTES = tokens._SHORTENING_BYTES, 0
    try:
        encoder.count(pa.array(["a"]))
    finally:
        tokens._SHORTENING_BYTES = limit
    assert encoder._fast._entries is None
    return encoder
