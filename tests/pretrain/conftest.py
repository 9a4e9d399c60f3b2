"""A small model shape, and folders of tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skypile.cli.main import run
from skypile.pretrain.config import ModelConfig
from skypile.pretrain.token_file import TokenFile, open_tokens, write_tokens
from skypile.tokens import DEFAULT_TOKENIZER

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"


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


def _bytes(text: str) -> np.ndarray:
    """A document whose tokens are its bytes, between 256 (its beginning) and 257 (its end)."""
    return np.array([256, *text.encode(), 257], np.uint32)


@pytest.fixture(scope="session")
def token_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `skypile tokenize` writes it: texts of the sample, a byte being a token."""
    folder = tmp_path_factory.mktemp("token-set")
    texts = {}
    for domain in ("en", "zh"):
        lines = (SAMPLE / f"web-{domain}.jsonl").read_bytes().splitlines()
        texts[domain] = [json.loads(line)["text"] for line in lines]
    texts["code"] = [p.read_text("utf-8") for p in sorted((SAMPLE / "code").rglob("*.py"))]
    texts["stem"] = [f"Exercise {n}: {n} + {n + 1} = {2 * n + 1}.\n" * 9 for n in range(60)]
    streams = []
    for name, found in texts.items():
        domain, subset = ("en", "stem") if name == "stem" else (name, None)
        held = max(len(found) // 6, 1)
        parts = {
            ("train", f"train/{domain}/{subset or 'main'}"): found[held:],
            ("validation", f"validation/{domain}{'-stem' if subset else ''}"): found[:held],
        }
        for (split, path), documents in parts.items():
            manifest = write_tokens(
                folder / path, map(_bytes, documents), vocabulary_count=258, tokenizer_sha256="b"
            )
            streams.append(
                {
                    "split": split, "domain": domain, "subset": subset, "path": path,
                    "documents": manifest.document_count, "tokens": manifest.token_count,
                }
            )  # fmt: skip
    (folder / "tokenizer.json").write_bytes(DEFAULT_TOKENIZER.read_bytes())
    manifest = {
        "format_version": 1, "corpus": {"path": "x", "digest": "d" * 64, "recipe": "r"},
        "tokenizer": {"sha256": "b", "vocab_size": 258, "bos": "<|skypile_bos|>",
            "eos": "<|skypile_endoftext|>"},
        "validation": {"frac": 0.2, "seed": 0}, "streams": streams,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


CONFIG = """
model: {vocabulary_count: 320, width: 32, layer_count: 2, ff_width: 64, head_count: 2,
  kv_head_count: 1, head_width: 16, context_tokens: 64}
seq_len: 64
seed: 0
batch_tokens: 512
micro_batch_rows: 4
max_repeats: 50
execution: {loss_chunk_tokens: 128}
validation: {every_steps: 4, rows: 8}
checkpoints: {every_steps: 3, keep: 2}
log_every_steps: 1
stages:
- name: one
  tokens: 3_584
  mixture: {en/main: 52.2, zh/main: 39.6, code/main: 8.0}
  lr: {schedule: cosine, from: 6e-3, to: 1e-3, warmup_tokens: 1024}
- name: two
  tokens: 2_560
  mixture: {en/main: 1, zh/main: 1, "*/stem": {from: 0.1, to: 0.4, curve: quadratic}}
  lr: {schedule: constant, from: 1e-3}
"""


@pytest.fixture(scope="session")
def config_text() -> str:
    return CONFIG


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes CONFIG with texts replaced by others."""

    def make(*changes: tuple[str, str]) -> Path:
        text = CONFIG
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / "config.yaml"
        path.write_text(text, "utf-8")
        return path

    return make


@pytest.fixture(scope="session")
def models(token_folder, config_text, tmp_path_factory) -> list[Path]:
    """A run with the shipped tokenizer's vocabulary, and its export."""
    folder = tmp_path_factory.mktemp("evaluate")
    text = config_text.replace("vocabulary_count: 320", "vocabulary_count: 16384")
    (folder / "config.yaml").write_text(text.replace("3_584", "512").replace("2_560", "512"))
    args = ["--config", folder / "config.yaml", "--output", folder / "run", "--device", "cpu"]
    assert run(["pretrain", *map(str, [token_folder, *args, "--quiet"])]) == 0
    assert run(["export", str(folder / "run"), "--output", str(folder / "model")]) == 0
    return [folder / "run", folder / "model"]
