"""Tiny seeded checkpoints of several architectures, with tokenizers of their own."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForSequenceClassification, PreTrainedConfig
from transformers.utils import logging

WORDS = (
    "the", "a", "of", "town", "bridge", "water", "report", "spring", "valley", "school", "garden",
    "music", "casino", "bonus", "click", "win", "jackpot", "slots", "cheap", "pills", "buy", "now",
)  # fmt: skip
CHINESE = "的城桥水春山谷会音乐园赌场奖金点击充值注册"


def write_tokenizer(folder: Path, *, pad: int, vocabulary: int = 64) -> None:
    """Write a tokenizer of words and single Chinese characters, its padding id as given."""
    special = ["<s>", "</s>", "<unk>", "<mask>"]
    special.insert(pad, "<pad>")
    entries = [*special, *WORDS, *CHINESE]
    assert len(entries) <= vocabulary
    ids = {word: at for at, word in enumerate(entries)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    single = pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([single, pre_tokenizers.BertPreTokenizer()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", ids["<s>"]), ("</s>", ids["</s>"])]
    )
    tokenizer.add_special_tokens(special)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "pad_token": "<pad>",
        "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")


def write_checkpoint(folder: Path, config: PreTrainedConfig, seed: int = 3) -> Path:
    """Write a checkpoint with random weights and return its folder."""
    torch.manual_seed(seed)
    logging.disable_progress_bar()
    write_tokenizer(folder, pad=int(config.pad_token_id), vocabulary=config.vocab_size)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    return folder
