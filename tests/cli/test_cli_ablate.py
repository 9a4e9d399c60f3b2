"""Two recipes over one input, compared by small models: end to end, killed and gone on with."""

from __future__ import annotations

import json
import signal
from itertools import pairwise
from pathlib import Path

import pyarrow.dataset as ds
import pytest
import zstandard
from build_runs import Strike, shared_forge
from tokenizers import Tokenizer

from skypile.cli.main import run
from skypile.pretrain.token_file import open_tokens
from skypile.tokens import DEFAULT_TOKENIZER

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
model: {vocabulary_count: 16384, width: 16, layer_count: 1, ff_width: 32, head_count: 1,
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
    lines = (SAMPLE / "web-en.jsonl").read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    # A copy of each text that tidy makes the same and plain does not: a full-width full stop.
    copies = [{**one, "id": f"copy-{one['id']}", "text": one["text"] + "\u3000"} for one in records]
    rows = [json.dumps(one, ensure_ascii=False).encode() for one in copies]
    (found / "en.jsonl").write_bytes(b"\n".join([*lines, *rows]) + b"\n")
    return found


def command(folder: Path, *more: object) -> list[object]:
    recipes = [folder / "plain.yaml", folder / "tidy.yaml"]
    inputs = ["--input", folder / "en.jsonl", SAMPLE / "web-zh.jsonl"]
    options = ["--config", folder / "config.yaml", "--output", folder / "out", "--seeds", 1,
               "--validation-frac", 0.25, "--threads", 1, "--device", "cpu", "--quiet"]  # fmt: skip
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
    own = Tokenizer.from_file(str(DEFAULT_TOKENIZER))
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
        assert 1 < bits["plain"] < 8
    assert found["kept_by_all"]["streams"]["en"]["documents"] < streams["en"]["documents"]
    told = table.splitlines()
    assert told[0].split()[:3] == ["recipe", "read", "kept"]
    assert "tidy rejects" in table and "one seed: the intervals are over documents alone" in table


def test_no_model_has_seen_what_is_judged(folder, done):
    out = folder / "out"
    judged = [row for path in sorted((out / "judged").iterdir()) for row in lines_of(path)]
    assert len(judged) > 20
    texts = {" ".join(row["text"].split())[:300] for row in judged}
    records = {row["id"] for row in judged}
    versions = 0
    for label in ("plain", "tidy"):
        kept = ds.dataset(out / label / "corpus" / "data", format="parquet").to_table().to_pylist()
        trained = trained_texts(out / label / "tokens")
        assert trained
        assert not {" ".join(text.split())[:300] for text in trained} & texts
        seen = set(trained)
        # The records that are judged were kept, in versions of their own, and trained on by none.
        mine = [row["text"] for row in kept if row["record"] in records]
        assert mine and not seen & set(mine)
        versions += len(set(mine))
    assert versions > len({row["document"] for row in judged})


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
