"""Two recipes over one input, compared by small models: end to end, killed and gone on with."""

from __future__ import annotations

import json
import signal
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import zstandard
from build_runs import Strike, shared_forge
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from skypile.cli.ablated import Copies, Judged
from skypile.cli.main import run
from skypile.pretrain.token_file import open_tokens

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
HEAD = """
name: {name}
steps:
- stages: [{stages}counts]
  rules:
  - {{reason: empty, column: chars_count, min: 1, source: no text}}
- stages: [language]
  rules:
  - {{reason: wrong_language, column: domain, in: [en, zh, code], source: the tests}}
  - {{reason: too_short, column: words_count, min: {least}, domain: [en], source: the tests}}
"""
CONFIG = """
model: {vocabulary_count: 512, width: 16, layer_count: 1, ff_width: 32, head_count: 1,
  kv_head_count: 1, head_width: 16, context_tokens: 64, tied_embeddings: true}
seq_len: 64
batch_tokens: 512
micro_batch_rows: 8
validation: {every_steps: 8, rows: 4}
stages:
- name: main
  tokens: 2_048
  mixture: {en: 52.2, zh: 39.6, code: 8.0, "*/stem": 5.0}
  lr: {schedule: cosine, from: 1e-2, to: 1e-3}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Recipes, of which `tidy` rewrites texts and keeps fewer, a config, and an input."""
    found = tmp_path_factory.mktemp("ablate")
    (found / "plain.yaml").write_text(HEAD.format(name="x", stages="", least=1))
    tidy = HEAD.format(name="x", stages="normalize, boilerplate_lines, ", least=200)
    (found / "tidy.yaml").write_text(tidy)
    (found / "config.yaml").write_text(CONFIG)
    rows = [json.loads(line) for line in (SAMPLE / "web-en.jsonl").read_bytes().splitlines()]
    # Tidy takes the zero-width spaces out: each text has another hash under either recipe.
    rows = [{**one, "text": one["text"].replace(" ", " \u200b", 1)} for one in rows]
    lines = [json.dumps(one).encode() + b"\n" for one in rows]
    (found / "en.jsonl").write_bytes(b"".join(lines))
    write_tokenizer(found / "tokenizer.json", [one["text"] for one in rows])
    return found


def write_tokenizer(path: Path, texts: list[str]) -> None:
    """Write a byte-level BPE of 512 entries: logits of 16,384 would take a minute."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    special = ["<|skypile_bos|>", "<|skypile_endoftext|>"]
    trainer = BpeTrainer(
        vocab_size=512, special_tokens=special, initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path))


def command(folder: Path, *more: object) -> list[object]:
    recipes = [folder / "plain.yaml", folder / "tidy.yaml"]
    inputs = ["--input", folder / "en.jsonl", SAMPLE / "web-zh.jsonl"]
    options = ["--config", folder / "config.yaml", "--output", folder / "out", "--seeds", 1,
               "--tokenizer", folder / "tokenizer.json",
               "--validation-frac", 0.25, "--max-documents", 9, "--threads", 1,
               "--device", "cpu", "--workers", 1, "--quiet"]  # fmt: skip
    return ["ablate", *recipes, *inputs, *options, *more]


@pytest.fixture(scope="module")
def done(folder) -> tuple[dict, str]:
    """What result.json says, and the table, of a run killed at the second model's losses."""
    strike = Strike(path="tidy/nats-seed-0.json$")
    assert shared_forge().run(*command(folder), strike=strike).code == -signal.SIGKILL
    finished = [folder / "out" / name for name in (
        "plain/corpus/manifest.json", "tidy/tokens/manifest.json", "plain/nats-seed-0.json",
        "tidy/seed-0/log.jsonl")]  # fmt: skip
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in finished]
    ended = shared_forge().run(*command(folder))
    assert ended.code == 0, ended.err
    assert before[:3] == [(path.stat().st_mtime_ns, path.read_bytes()) for path in finished[:3]]
    assert finished[3].read_bytes() == before[3][1]  # trained to the end before
    return json.loads((folder / "out" / "result.json").read_bytes()), ended.out


def lines_of(path: Path) -> list[dict]:
    packed = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return [json.loads(line) for line in packed.splitlines()]


def trained_texts(tokens: Path) -> list[str]:
    own = Tokenizer.from_file(str(tokens / "tokenizer.json"))
    found = []
    for path in sorted((tokens / "train").glob("*/*")):
        file = open_tokens(path)
        found += [own.decode(file.tokens[a + 1 : b - 1].tolist())
                  for a, b in pairwise(file.offsets.tolist())]  # fmt: skip
    return found


def test_both_are_judged_on_the_same_documents_and_differences_are_told(done):
    found, table = done
    assert list(found["recipes"]) == ["plain", "tidy"]
    assert found["sources_left_out"] == {"code": ["plain", "tidy"], "*/stem": ["plain", "tidy"]}
    assert found["tokens"] == 2048
    for one in found["recipes"].values():
        assert one["read"] == one["kept"] + sum(one["rejected"].values())
        trained = sum(part["documents"] for part in one["train"].values())
        assert one["kept"] == trained + one["held_out"] + one["copies_left_out"]
        assert 0 < one["passes"]["en/main"] < 1
    assert found["recipes"]["tidy"]["rejected"]["too_short"] > 0
    streams = found["comparison"]["streams"]
    assert set(streams) == {"en", "zh"}
    for one in streams.values():
        bits = {name: by["value"] for name, by in one["bits_per_byte"].items()}
        by = one["difference"]["tidy"]
        assert by["value"] == pytest.approx(bits["tidy"] - bits["plain"])
        assert by["low"] < by["value"] < by["high"]
        assert 1 < bits["plain"] < 9  # of one of 512 tokens at random, a token being a byte or more
    assert found["kept_by_all"]["streams"]["en"]["documents"] < streams["en"]["documents"]
    told = table.splitlines()
    assert told[0].split()[:3] == ["recipe", "read", "kept"]
    assert "tidy rejects" in table and "one seed: the intervals are over documents alone" in table


def test_no_model_has_seen_what_is_judged(folder, done):
    assert done
    out = folder / "out"
    judged = {path.name[:2]: lines_of(path) for path in sorted((out / "judged").iterdir())}
    assert {name: {row["document"] for row in rows} for name, rows in judged.items()} == {
        "en": set(range(9)), "zh": set(range(9)),
    }  # fmt: skip
    by_both = {row["document"] for row in judged["en"] if len(row["kept_by"]) == 2}
    versions = Counter(row["document"] for row in judged["en"])
    assert by_both and {number for number, count in versions.items() if count == 2} == by_both
    plain = {bare(row["text"])[:300] for rows in judged.values() for row in rows}
    records = {row["id"] for rows in judged.values() for row in rows}
    for label in ("plain", "tidy"):
        kept = ds.dataset(out / label / "corpus" / "data", format="parquet").to_table().to_pylist()
        seen = {bare(text) for text in trained_texts(out / label / "tokens")}
        mine = {bare(row["text"]) for row in kept if row["record"] in records}
        # What is judged was kept, in a version of the recipe's own, and is in no training stream.
        assert mine and not seen & mine
        assert not {text[:300] for text in seen} & plain
        assert seen <= {bare(row["text"]) for row in kept}


def bare(text: str) -> str:
    """A text without what the two recipes make of it differently."""
    return "".join(text.replace("\u200b", "").split())


def test_copies_of_judged_texts_are_found(tmp_path):
    words = [f"word{number}" for number in range(90)]
    text, short = " ".join(words), "A line, too short for n-grams."
    lines = "".join(json.dumps({"text": one}) + "\n" for one in (text, short))
    (tmp_path / "en.jsonl").write_text(lines)
    found = Copies(Judged(tmp_path, {"en": [text, short]}, {}, {}))
    other = " ".join(f"else{number}" for number in range(400))
    texts = [
        text, text.upper(), f"{other} {' '.join(words[:60])} {other}", " ".join(words[20:40]),
        short, f"{other} {' '.join(words[:40])}", other,
    ]  # fmt: skip
    assert found.masks(pa.array(texts)).tolist() == [True, True, True, True, True, False, False]


def test_another_comparison_in_the_folder_is_refused(folder, done, capsys):
    assert done
    cases = [
        (["--validation-frac", 0.3], "was begun with other validation_frac (0.25, now 0.3)"),
        (["--tokens", 4096], "was begun with other config"),
        (["--limit", 3], "was begun with other limit (null, now 3)"),
    ]
    for more, sentence in cases:
        assert run([*map(str, command(folder, *more))]) == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["web"], "give two recipes or more"),
        (["web", "web"], "are both named 'web'"),
        (["web", "SELF"], "recipes web and copy are the same"),
        (["web", "wbe"], "there is no recipe 'wbe'; did you mean 'web'?"),
        (["web", "c4", "--seeds", "0"], "--seeds 0: give 1 or more"),
        (["web", "c4", "--validation-frac", "0"], "give above 0 and below 1"),
        (["web", "c4", "--output", "FULL"], "holds notes.txt, which no ablate wrote"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, capsys, change, sentence):
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    recipe = Path(__file__).parents[2] / "skypile" / "recipes" / "web.yaml"
    (tmp_path / "copy.yaml").write_bytes(recipe.read_bytes())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    names = {"SELF": str(tmp_path / "copy.yaml"), "FULL": str(tmp_path / "full")}
    args = [names.get(one, one) for one in change]
    given = ["--output", str(tmp_path / "out"), "--input", str(tmp_path / "in.jsonl"), "--quiet"]
    where = next((n for n, one in enumerate(args) if one.startswith("--")), len(args))
    assert run(["ablate", *args[:where], *given, *args[where:]]) == 2
    assert sentence in capsys.readouterr().err
