"""Train the shipped tokenizer: 16,384 entries of byte-level BPE for English, Chinese and code.

    python -m classifiers.train_tokenizer --data DIR --output DIR

DIR holds ``*.jsonl.zst`` files of ``{text, source, lang_hint, license}``. Only rows whose licence
permits redistribution are read, so that the vocabulary may be shipped with the program. The same
DIR gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import xxhash
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

__all__ = ["PATTERN", "SPECIAL_TOKENS", "VOCAB_SIZE", "main", "train", "training_text"]

VOCAB_SIZE = 16_384

# The pattern of the Qwen2 tokenizers (one digit a piece, runs of letters whole): exact engines
# know it, and a private variant of it would be encoded 50 times slower.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Ids 0..6 in this order. The prefix keeps them apart from what documents about other models quote.
SPECIAL_TOKENS = {
    "pad_token": "<|skypile_pad|>",
    "unk_token": "<|skypile_unk|>",
    "cls_token": "<|skypile_cls|>",
    "sep_token": "<|skypile_sep|>",
    "mask_token": "<|skypile_mask|>",
    "bos_token": "<|skypile_bos|>",
    "eos_token": "<|skypile_endoftext|>",
}

# 18 bytes are 6 Chinese characters or 17 letters after a space; longer entries turned out to be
# boilerplate phrases of one source.
MAX_TOKEN_BYTES = 18
MAX_DOCUMENT_CHARS = 20_000
TOTAL_BYTES = 30_000_000

# A row's licence must match as a whole; a remark in brackets may follow. Dual licences count only
# where both alternatives are permissive.
_ALLOWED = re.compile(
    r"(MIT|Apache-2\.0|BSD-[23]-Clause|CC-BY-\d\.\d|CC-BY-SA-\d\.\d|public domain"
    r"|MIT OR Apache-2\.0)( \((repo LICENSE|texts public domain|UDHR)\))?"
)


@dataclass(frozen=True)
class Portion:
    """A share of the training text: rows of one file, where ``hint`` begins their ``lang_hint``."""

    file: str
    hint: str
    share: float


# 45 % English, 40 % Chinese (a sixth of it classical, two thirds of that in traditional
# characters), 15 % code, by bytes of UTF-8.
PORTIONS = (
    Portion("en_books", "en", 0.22),
    Portion("en_tech_lctt", "en", 0.14),
    Portion("en_stem", "en", 0.03),
    Portion("en_prose_nltk", "en", 0.06),
    Portion("zh_tech_lctt", "zh", 0.22),
    Portion("zh_stem", "zh", 0.12),
    Portion("zh_classical", "lzh-Hans", 0.02),
    Portion("zh_classical", "lzh-Hant", 0.04),
    Portion("code", "code", 0.15),
)


# Addresses are cut out of what is learned: else hundreds of entries are names of single sites.
_ADDRESS = re.compile(r"https?://[^\s()<>\[\]]+")


def _rows(path: Path, hint: str) -> Iterator[str]:
    """Yield the texts of one file that may be redistributed, without web addresses."""
    with pa.input_stream(path, compression="zstd") as stream:
        content: bytes = stream.read()
    for line in content.splitlines():
        row = json.loads(line)
        if row["lang_hint"].startswith(hint) and _ALLOWED.fullmatch(row["license"]):
            yield _ADDRESS.sub("", row["text"][:MAX_DOCUMENT_CHARS])


def _without_repeats(text: str, seen: set[int]) -> str:
    """Return the text without the long lines that an earlier document had: notices, mastheads."""
    kept = []
    for line in text.splitlines(keepends=True):
        if len(line.strip()) > 20:
            key = xxhash.xxh3_64_intdigest(line.strip().encode())
            if key in seen:
                continue
            seen.add(key)
        kept.append(line)
    return "".join(kept)


def _portion_text(data: Path, portion: Portion, total_bytes: int) -> Iterator[str]:
    """Yield documents of the portion, in the order of their hashes, up to its share of bytes."""
    budget = round(portion.share * total_bytes)
    path = data / f"{portion.file}.jsonl.zst"
    texts = set(_rows(path, portion.hint))
    seen: set[int] = set()
    for text in sorted(texts, key=lambda text: (xxhash.xxh3_64_intdigest(text.encode()), text)):
        document = _without_repeats(text, seen)
        size = len(document.encode())
        if size <= budget:
            budget -= size
            yield document
    if budget > 0.1 * portion.share * total_bytes:
        print(f"{path}: {budget:,} bytes short of its share of the training text")


def training_text(data: Path, total_bytes: int = TOTAL_BYTES) -> Iterator[str]:
    """Yield the documents that the tokenizer is trained on, in a fixed order."""
    for portion in PORTIONS:
        yield from _portion_text(data, portion, total_bytes)


def train(texts: Iterable[str], vocab_size: int = VOCAB_SIZE) -> Tokenizer:
    """Return a byte-level BPE tokenizer of ``vocab_size`` entries, special tokens included.

    It has no normalizer: decoding gives back the very text. The post-processor puts a text, or a
    pair of them, between [CLS] and [SEP] for callers that ask for special tokens.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=MAX_TOKEN_BYTES,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return tokenizer


def save(tokenizer: Tokenizer, output: Path) -> None:
    """Write tokenizer.json and the configuration that transformers' AutoTokenizer reads.

    ``split_special_tokens`` makes AutoTokenizer encode a special token's literal in a text as
    text: a document cannot inject a control token.
    """
    output.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(output / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **SPECIAL_TOKENS,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "model_max_length": 512,
        "split_special_tokens": True,
    }
    text = json.dumps(config, indent=2) + "\n"
    (output / "tokenizer_config.json").write_text(text, encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> None:
    """Train on ``--data`` and write ``--output``/tokenizer.json and tokenizer_config.json."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train_tokenizer")
    parser.add_argument("--data", type=Path, required=True, help="folder of *.jsonl.zst files")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--bytes", type=int, default=TOTAL_BYTES, help="bytes of training text")
    options = parser.parse_args(arguments)
    tokenizer = train(training_text(options.data, options.bytes))
    assert tokenizer.get_vocab_size() == VOCAB_SIZE, "too little text for the vocabulary"
    save(tokenizer, options.output)
    print(f"{options.output}: {tokenizer.get_vocab_size():,} entries")


if __name__ == "__main__":
    main()
