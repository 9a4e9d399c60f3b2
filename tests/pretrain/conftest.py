"""A small model shape, and folders of tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skypile.pretrain.config import ModelConfig
from skypile.pretrain.token_file import TokenFile, open_tokens, write_tokens


@pytest.fixture
def small() -> ModelConfig:
    return ModelConfig(
        vocabulary_count=320,
        width=48,
        layer_count=2,
        ff_width=96,
        head_count=4,
        kv_head_count=4,
        head_width=16,
        context_tokens=64,
    )


@pytest.fixture
def token_file(tmp_path: Path) -> Callable[[list[int]], TokenFile]:
    """A function that writes documents of given lengths, tokens numbered through, and maps them."""

    def make(lengths: list[int]) -> TokenFile:
        ends = np.cumsum(lengths)
        documents = [
            np.arange(end - length, end, dtype=np.uint32)
            for end, length in zip(ends.tolist(), lengths, strict=True)
        ]
        write_tokens(
            tmp_path / "tokens", documents, vocabulary_count=1 << 16, tokenizer_sha256="none"
        )
        return open_tokens(tmp_path / "tokens")

    return make
