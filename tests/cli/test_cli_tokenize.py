"""Tokens of a corpus: the ids of Hugging Face tokenizers, every document once, validation apart.

They have the same bytes whoever makes them, and a run that was ended goes on.
"""

from __future__ import annotations

import json
import re
import resource
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import zstandard
from build_runs import Strike, shared_forge
from tokenizers import Tokenizer

from skypile.cli.beam import load_main
from skypile.cli.tokenize import EOS
from skypile.io.store import Store
from skypile.phases.token_folder import write_manifests
from skypile.phases.tokenize import (
    Frame,
    TokenContext,
    frame_of,
    framed,
    shard_tasks,
    tokenize_shard,
)
from skypile.pretrain.token_file import TokenFile, open_tokens
from skypile.pretrain.token_set import open_token_set
from skypile.tokens import DEFAULT_TOKENIZER
from skypile.verify.manifest import Shard

OPTIONS = ("--validation-frac", 0.2, "--quiet")


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


def test_each_subset_has_streams_of_its_own_and_each_shard_a_part(tmp_path):
    """Two shards of a domain; the first has no document of subset stem that is trained on."""
    corpus, output = Store(str(tmp_path / "corpus")), Store(str(tmp_path / "out"))
    shards = []
    for number, subsets in enumerate((["main", "stem", None], ["main", "stem", "stem", "main"])):
        texts = [f"{'Exercise' if s == 'stem' else 'Page'} {number}." for s in subsets]
        table = pa.table({"id": list(map(str, range(len(texts)))), "text": texts,
                          "subset": subsets})  # fmt: skip
        name = f"data/domain=en/part-{number:05d}.parquet"
        corpus.create_by(name, lambda path, table=table: pq.write_table(table, path))
        shards.append(Shard(path=name, domain="en", documents=len(texts), tokens=0, bytes=1,
                            sha256=str(number)))  # fmt: skip
    output.write("tokenizer.json", DEFAULT_TOKENIZER.read_bytes())
    frame = replace(frame_of(DEFAULT_TOKENIZER, "", EOS), before=(5,), behind=6)
    context = TokenContext(
        corpus, output, Store(f"{output.root}/.work"), frame, first_two_of_three, ""
    )
    entries = [tokenize_shard(context, task) for task in shard_tasks(shards)]
    manifest = SimpleNamespace(digest="d", recipe=SimpleNamespace(fingerprint="f"))
    found = write_manifests(context, manifest, entries, {})
    assert {one["path"]: (one["documents"], one["parts"]) for one in found} == {
        "train/en/main": (3, 2), "train/en/stem": (2, 1), "validation/en": (1, 1),
        "validation/en-stem": (1, 1),
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out/train/en/stem").glob("*.tok")) == [
        "part-00001.tok"
    ]
    main = open_tokens(tmp_path / "out" / "train" / "en" / "main")
    tokenizer = Tokenizer.from_file(str(DEFAULT_TOKENIZER))
    assert [tokenizer.decode(doc[1:-1]) for doc in documents(main)] == [
        "Page 0.", "Page 1.", "Page 1.",
    ]  # fmt: skip
    assert {doc[0] for doc in documents(main)} == {5} and main.tokens[-1 + len(main.tokens) :] == 6
    packed = (tmp_path / "out" / "validation" / "en-stem.jsonl.zst").read_bytes()
    held = zstandard.ZstdDecompressor().stream_reader(packed).read()
    assert json.loads(held) == {"id": "1", "text": "Exercise 0."}


def test_a_large_vocabulary_takes_four_bytes_a_token():
    frame = Frame("", 70_000, None, "e", (), 69_999)
    ids, borders = framed(np.array([1, 65_536], np.uint32), np.array([0, 0, 2]), frame)
    assert ids.dtype == np.uint32 and ids.tolist() == [69_999, 1, 65_536, 69_999]
    assert borders.tolist() == [0, 1, 4]


def first_two_of_three(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, np.ndarray]:
    return batch, (np.arange(batch.num_rows) < 2) & (batch.num_rows == 3)


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
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    done = call("tokenize", tmp_path, "--output", tmp_path / "out")
    assert done.code == 1 and "holds no manifest.json" in done.err
    assert not (tmp_path / "out").exists()


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


@pytest.fixture(scope="module")
def many(corpus, tmp_path_factory) -> Path:
    """The corpus with each of its shards cut in three."""
    out = tmp_path_factory.mktemp("many")
    manifest = json.loads((corpus / "manifest.json").read_bytes())
    cut = []
    for shard in manifest["shards"]:
        table = pq.read_table(corpus / shard["path"], partitioning=None)
        folder = Path(shard["path"]).parent
        (out / folder).mkdir(parents=True)
        size = -(-len(table) // 3)
        for number in range(3):
            path = folder / f"part-{number:05d}.parquet"
            piece = table.slice(number * size, size)
            pq.write_table(piece, out / path, row_group_size=5)
            cut.append({**shard, "path": str(path), "documents": len(piece),
                        "sha256": f"{shard['sha256']}/{number}"})  # fmt: skip
    (out / "manifest.json").write_text(json.dumps({**manifest, "shards": cut}))
    return out


@pytest.fixture(scope="module")
def whole(many, tmp_path_factory) -> Path:
    """Its tokens, by one process."""
    out = tmp_path_factory.mktemp("tokens") / "out"
    done = shared_forge().run("tokenize", many, "--output", out, *OPTIONS)
    assert done.code == 0, done.err
    assert {path.name for path in out.iterdir()} == {
        "train", "validation", "tokenizer.json", "manifest.json",
    }  # fmt: skip
    return out


def test_workers_change_not_a_byte(many, whole, tmp_path):
    args = ("--output", tmp_path / "out", *OPTIONS, "--workers", 3)
    done = shared_forge().run("tokenize", many, *args)
    assert done.code == 0, done.err
    assert content(tmp_path / "out") == content(whole)
    parts = [name for name in content(whole) if name.endswith(".tok")]
    assert len([name for name in parts if name.startswith("train/")]) == 9


@pytest.mark.parametrize("is_after", [False, True])
def test_a_run_that_was_killed_goes_on(many, whole, tmp_path, call, is_after):
    out = tmp_path / "out"
    strike = Strike(path="train/zh/main/part-00001.tok$", after=is_after)
    done = shared_forge().run("tokenize", many, "--output", out, *OPTIONS, strike=strike)
    assert done.code == -signal.SIGKILL
    assert (out / "train" / "zh" / "main" / "part-00001.tok").exists() == is_after
    entries = list((out / ".work" / "tokenize").glob("*.json"))
    finished = {path: path.stat().st_mtime_ns for entry in entries
                for part in json.loads(entry.read_bytes())["data"]["parts"]
                for path in [out / part["path"] / f"{part['name']}.tok"]}  # fmt: skip
    assert finished and not (out / "manifest.json").exists()
    other = call("tokenize", many, "--output", out, *OPTIONS, "--seed", 1, "--eos", "<|im_end|>")
    assert other.code in (1, 2) and not (out / "manifest.json").exists()
    other = call("tokenize", many, "--output", out, *OPTIONS, "--seed", 1)
    assert other.code == 2 and "begun with another --validation-frac or --seed;" in other.err
    # The kernel refuses files above a size, as a full disk does in the middle of one.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        full = call("tokenize", many, "--output", out, *OPTIONS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.code == 1 and "cannot be written: File too large" in full.err
    assert not list(out.rglob("*.tmp")) and not (out / "manifest.json").exists()
    assert call("tokenize", many, "--output", out, *OPTIONS).code == 0
    assert content(out) == content(whole)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished


def test_a_part_that_was_changed_between_two_runs_is_made_anew(many, whole, tmp_path):
    out = tmp_path / "out"
    # The last rename but those of manifests: all parts are there.
    strike = Strike(path="validation/.*jsonl.zst$", nth=1)
    shared_forge().run("tokenize", many, "--output", out, *OPTIONS, strike=strike)
    part = out / "train" / "en" / "main" / "part-00002.tok"
    data = bytearray(part.read_bytes())
    data[0] ^= 1
    part.write_bytes(data)
    main = load_main(str(Path(__file__).parents[2] / "pipelines" / "tokenize_corpus.py"))
    assert main([str(arg) for arg in (many, "--output", out, *OPTIONS)]) == 0
    assert content(out) == content(whole)


def test_an_object_store_holds_the_same(many, whole, bucket, call):
    """Of one domain, for each file costs a few requests."""
    for name, data in content(many).items():
        if name.startswith("data/domain=zh/"):
            bucket.put(f"corpus/{name}", data)
    manifest = json.loads((many / "manifest.json").read_bytes())
    shards = [shard for shard in manifest["shards"] if shard["domain"] == "zh"]
    bucket.put("corpus/manifest.json", json.dumps({**manifest, "shards": shards}).encode())
    done = call("tokenize", bucket.url("corpus"), "--output", bucket.url("tokens"), *OPTIONS)
    assert done.code == 0, done.err
    found = {key.removeprefix("tokens/"): bucket.get(key) for key in bucket.keys("tokens")}
    streams = json.loads(found.pop("manifest.json"))["streams"]
    every = json.loads((whole / "manifest.json").read_bytes())["streams"]
    assert streams == [one for one in every if one["domain"] == "zh"]
    is_there = re.compile(r"tokenizer.json|(train|validation)/zh")
    assert found == {name: data for name, data in content(whole).items() if is_there.match(name)}


def test_other_ids_of_the_same_lengths_are_other_tokens(whole, tmp_path):
    facts = open_token_set(whole).facts
    manifest = json.loads((whole / "manifest.json").read_bytes())
    manifest["streams"][0]["xxh3"] = "0" * 32
    changed = tmp_path / "changed"
    changed.mkdir()
    for name in ("train", "validation"):
        (changed / name).symlink_to(whole / name)
    (changed / "manifest.json").write_text(json.dumps(manifest))
    other = open_token_set(changed).facts
    assert {name for name in facts if facts[name] != other[name]} == {"streams"}
