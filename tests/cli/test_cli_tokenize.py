"""Tokens of a corpus: the ids of Hugging Face tokenizers, every document once, validation apart."""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import zstandard
from tokenizers import Tokenizer

from skypile.cli.tokenize import _Streams
from skypile.pretrain.token_file import TokenFile, open_tokens
from skypile.tokens import DEFAULT_TOKENIZER, load_encoder


def documents(stream: TokenFile) -> list[tuple[int, ...]]:
    borders = stream.offsets.tolist()
    return [tuple(stream.tokens[a:b].tolist()) for a, b in pairwise(borders)]


def streams_of(folder: Path) -> dict[str, TokenFile]:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    return {one["path"]: open_tokens(folder / one["path"]) for one in manifest["streams"]}


def kept(corpus: Path) -> list[dict]:
    return ds.dataset(corpus / "data", format="parquet", partitioning="hive").to_table().to_pylist()


@pytest.fixture(scope="module")
def tokens(corpus, tmp_path_factory) -> Path:
    from skypile.cli.main import run

    out = tmp_path_factory.mktemp("tokens") / "out"
    args = ["tokenize", corpus, "--output", out, "--validation-frac", "0.2", "--quiet"]
    assert run([str(arg) for arg in args]) == 0
    return out


def test_every_document_is_there_once_with_the_ids_of_tokenizers(corpus, tokens):
    reference = Tokenizer.from_file(str(DEFAULT_TOKENIZER))
    bos, eos = (reference.token_to_id(f"<|skypile_{name}|>") for name in ("bos", "endoftext"))
    expected = sorted(
        (bos, *reference.encode(row["text"], add_special_tokens=False).ids, eos)
        for row in kept(corpus)
    )
    streams = streams_of(tokens)
    assert sorted(doc for stream in streams.values() for doc in documents(stream)) == expected
    assert {name.split("/")[1] for name in streams} == {"en", "zh", "code"}
    manifest = json.loads((tokens / "manifest.json").read_bytes())
    assert sum(one["documents"] for one in manifest["streams"]) == len(expected)
    assert all(stream.tokens.dtype == np.uint16 for stream in streams.values())
    corpus_manifest = json.loads((corpus / "manifest.json").read_bytes())
    assert manifest["corpus"]["digest"] == corpus_manifest["digest"]


def test_what_is_held_out_is_there_as_text_and_in_no_training_stream(corpus, tokens):
    texts = {row["id"]: row["text"] for row in kept(corpus)}
    held = 0
    for path in sorted((tokens / "validation").glob("*.jsonl.zst")):
        packed = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        rows = [json.loads(line) for line in packed.splitlines()]
        assert all(texts[row["id"]] == row["text"] for row in rows)
        stream = open_tokens(tokens / "validation" / path.name.removesuffix(".jsonl.zst"))
        assert stream.manifest.document_count == len(rows)
        held += len(rows)
    assert 0.1 < held / len(texts) < 0.3


def test_each_subset_has_streams_of_its_own(tmp_path):
    texts = [f"Exercise {n}." if n % 2 else f"Page {n}." for n in range(8)]
    batch = pa.record_batch(
        {
            "id": [str(n) for n in range(8)],
            "text": texts,
            "subset": ["stem" if n % 2 else "main" for n in range(8)],
        }
    )
    with ExitStack() as stack:
        streams = _Streams(tmp_path, load_encoder(DEFAULT_TOKENIZER), ([5], 6))
        streams.begin(stack)
        streams.add("en", batch, np.arange(8) < 3)
    counts = {one["path"]: one["documents"] for one in streams.described()}
    assert counts == {
        "train/en/main": 2, "train/en/stem": 3, "validation/en": 2, "validation/en-stem": 1,
    }  # fmt: skip
    packed = (tmp_path / "validation" / "en-stem.jsonl.zst").read_bytes()
    held = zstandard.ZstdDecompressor().stream_reader(packed).read()
    assert json.loads(held) == {"id": "1", "text": "Exercise 1."}


def test_a_tokenizer_of_the_corpus_own_gives_its_texts_back(corpus, tmp_path, call):
    out = tmp_path / "own"
    done = call("tokenize", corpus, "--output", out, "--vocab-size", 700, "--validation-frac", 0)
    assert done.code == 0, done.err
    own = Tokenizer.from_file(str(out / "tokenizer.json"))
    assert own.get_vocab_size() == 700
    found = [own.decode(doc[1:-1]) for s in streams_of(out).values() for doc in documents(s)]
    assert sorted(found) == sorted(row["text"] for row in kept(corpus))
    again = call("tokenize", corpus, "--output", out)
    assert again.code == 2 and "holds tokens; give another --output, or --overwrite" in again.err
    first = (out / "manifest.json").read_bytes()
    args = ("--overwrite", "--tokenizer", out / "tokenizer.json")
    assert call("tokenize", corpus, "--output", out, *args).code == 2  # it lies in what is replaced
    assert (out / "manifest.json").read_bytes() == first


@pytest.mark.parametrize(
    "args, code, told",
    [
        (["--bos", "<s>"], 1, "--bos <s>: the tokenizer has no such special token"),
        (["--eos", ""], 2, "documents need a token behind them"),
        (["--vocab-size", 300], 2, "give 512 or more"),
        (["--vocab-size", 600, "--tokenizer", "x.json"], 2, "give one"),
        (["--tokenizer", "/nowhere.json"], 1, "/nowhere.json: No such file"),
        (["--validation-frac", 1], 2, "give 0 to below 1"),
    ],
)
def test_what_cannot_be_is_said(corpus, tmp_path, call, args, code, told):
    done = call("tokenize", corpus, "--output", tmp_path / "out", *args)
    assert done.code == code and told in done.err
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_folder_of_something_else_is_left_alone(corpus, tmp_path, call):
    (tmp_path / "notes.txt").write_text("mine")
    done = call("tokenize", corpus, "--output", tmp_path, "--overwrite")
    assert done.code == 2 and "notes.txt, which no tokenize wrote" in done.err
    done = call("tokenize", tmp_path, "--output", tmp_path / "out")
    assert done.code == 1 and "holds no manifest.json" in done.err
    assert not (tmp_path / "out").exists()
