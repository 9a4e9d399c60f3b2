"""Chinese that is shortened for the engine keeps its ids (`skypile.kernels.han`)."""

import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from token_ids import TEXTS, ids_of, qwen_pre_tokenizer, reference_ids, shortening_encoder
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from skypile import tokens
from skypile.tokens import DEFAULT_TOKENIZER, Encoder


@pytest.fixture(scope="module")
def shortening() -> Encoder:
    return shortening_encoder(DEFAULT_TOKENIZER)


def _long_entries(path: Path) -> list[bytes]:
    description = json.loads(path.read_bytes()) | {"added_tokens": []}
    return [entry for entry in tokens._entries_to_shorten_by(description) if len(entry) > 3]


def test_tokens_across_the_borders_of_characters_are_kept(tmp_path):
    """A vocabulary with entries that begin and end inside a character."""
    text = "中国我们学习" * 9
    rng = np.random.default_rng(7)
    chars = [chr(c) for c in rng.integers(0x4E00, 0x4E60, 4000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = qwen_pre_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    runs = ["".join(chars[i : i + 8]) for i in range(0, 4000, 8)]
    tokenizer.train_from_iterator(runs, trainer)
    path = tmp_path / "t.json"
    tokenizer.save(str(path))
    signs = itertools.cycle(["，", " ", "\n", "a", "7", "”", "é", ""])
    texts = [*runs, text, "".join(chars), "".join(a + b for a, b in zip(runs, signs, strict=False))]
    encoder = shortening_encoder(path)
    assert any(entry[0] & 0xC0 == 0x80 for entry in _long_entries(path))
    expected = reference_ids(path, texts)
    for _ in range(4):  # chains are tabulated when they are missed a second time
        assert ids_of(encoder, texts) == expected


BESIDE = (
    "，。、：“”（）《》—…,.!?'\"()[]*#-_/\\ \u3000\t\n\r7"
    "Ｋ５aesTK\u0301\u3099éД々〇の\u00a0\x7f\u200b😀"
)


def test_chains_beside_anything_keep_their_ids(shortening):
    """Han of the vocabulary's chains, with up to three of what may stand beside, met again."""
    entries = [entry.decode(errors="ignore") for entry in _long_entries(DEFAULT_TOKENIZER)]
    words = [word for word in entries if re.search("[\u4e00-\u9fa5]", word)]
    assert len(words) > 2000
    rng = np.random.default_rng(3)
    words = [words[i] for i in rng.choice(len(words), 300, replace=False)] + list("我们的是在")
    texts = []
    for _ in range(1500):
        chosen = [words[i] for i in rng.integers(len(words), size=12)]
        between = ["".join(rng.choice(list(BESIDE), rng.integers(4))) for _ in chosen]
        texts.append("".join(a + b for a, b in zip(between, chosen, strict=True)))
    expected = reference_ids(DEFAULT_TOKENIZER, texts)
    for _ in range(3):
        assert ids_of(shortening, texts) == expected


def test_threads_have_tables_of_their_own(shortening):
    texts = [text * 20 for text in TEXTS]
    expected = reference_ids(DEFAULT_TOKENIZER, texts)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: ids_of(shortening, texts), range(12)):
            assert found == expected
