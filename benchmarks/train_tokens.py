"""Make a folder of tokens for training benchmarks out of text.

    python benchmarks/train_tokens.py SOURCE... --output FOLDER [--max-tokens 10000000] [--seed 0]

SOURCE: files or folders of .jsonl, .jsonl.zst and .parquet with a column `text`, and of .txt, one
document each. The documents are put in random order and taken until the tokens suffice; each is
<|skypile_bos|>, the ids by the shipped tokenizer, <|skypile_endoftext|>. Ids stop at its 16,384
entries: a model with a larger vocabulary pays for all of its logits nevertheless, and that is
what a benchmark of its speed needs.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Tokenizer

from skypile.pretrain.token_file import open_tokens, write_tokens
from skypile.tokens import DEFAULT_TOKENIZER, load_encoder

_KINDS = (".jsonl", ".zst", ".parquet", ".txt")


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of one file that are not empty."""
    if path.suffix == ".txt":
        found = iter([path.read_text("utf-8")])
    elif path.suffix == ".parquet":
        found = iter(pq.read_table(path, columns=["text"])["text"].to_pylist())
    else:
        with path.open("rb") as file:
            stream = zstandard.ZstdDecompressor().stream_reader(file)
            data = stream.read() if path.suffix == ".zst" else file.read()
        found = (orjson.loads(line)["text"] for line in data.splitlines())
    yield from (text for text in found if text)


def all_texts(sources: list[Path]) -> list[str]:
    """Return the texts of all files named or in the folders named."""
    paths: list[Path] = []
    for source in sources:
        inside = sorted(source.rglob("*")) if source.is_dir() else [source]
        paths += [path for path in inside if path.suffix in _KINDS]
    return [text for path in paths for text in texts(path)]


def documents(
    chosen: list[str], max_tokens: int, *, bos: int, eos: int
) -> Iterator[npt.NDArray[np.uint32]]:
    """Yield documents as ids until the next would exceed `max_tokens`."""
    encoder = load_encoder(DEFAULT_TOKENIZER)
    token_count = 0
    for start in range(0, len(chosen), 256):
        encoded = encoder.encode(pa.array(chosen[start : start + 256]))
        for first, end in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True):
            ids = np.concatenate([[bos], encoded.ids[first:end], [eos]]).astype(np.uint32)
            token_count += len(ids)
            if token_count > max_tokens:
                return
            yield ids


def main() -> None:
    """Write the folder and print what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--max-tokens", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = all_texts(options.sources)
    random.Random(options.seed).shuffle(chosen)
    entries = Tokenizer.from_file(str(DEFAULT_TOKENIZER)).get_vocab()
    manifest = write_tokens(
        options.output,
        documents(
            chosen,
            options.max_tokens,
            bos=entries["<|skypile_bos|>"],
            eos=entries["<|skypile_endoftext|>"],
        ),
        vocabulary_count=len(entries),
        tokenizer_sha256=hashlib.sha256(DEFAULT_TOKENIZER.read_bytes()).hexdigest(),
    )
    lengths = np.diff(open_tokens(options.output).offsets)
    print(manifest.model_dump_json(indent=1))
    print(f"documents: mean {lengths.mean():.0f}, median {np.median(lengths):.0f} tokens")


if __name__ == "__main__":
    main()
