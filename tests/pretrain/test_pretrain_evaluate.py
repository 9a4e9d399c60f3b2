"""Nats of documents: every token once, whatever the windows, the same for run and export."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import zstandard
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from skypile.cli.evaluate import draw_bits
from skypile.cli.main import run
from skypile.pretrain.judgement import DomainNats, judgement
from skypile.pretrain.nats import Judge, document_nats, windows
from skypile.tokens import DEFAULT_TOKENIZER

TEXTS = {
    "en": ["The sea was calm.", "A short page about boats, and another about nets. " * 8],
    "zh": ["海面很平静。", "关于船的一页，关于网的另一页。" * 20, "渔夫在岸边补网。"],
}


def bigram(ids_BT: torch.Tensor) -> torch.Tensor:
    """A model that knows the token before, and that each is likely followed by the next number."""
    following = (ids_BT + 1) % 50
    return torch.nn.functional.one_hot(following, 50).float() * 3


JUDGE = Judge(bigram, 16, 0, Path("none"), torch.device("cpu"))


@pytest.mark.parametrize("context", [2, 3, 7, 16, 100])
def test_windows_score_every_token_once(context):
    for count in (1, 2, 3, 16, 17, 18, 100):
        scored = [i for w in windows(count, context) for i in range(w.first, w.end + 1)]
        assert scored == list(range(1, count))
        assert all(0 < w.end - w.start <= context for w in windows(count, context))
        # Behind the first window, half of the context is there for each token.
        assert all(w.first - w.start > context // 2 for w in windows(count, context)[1:])


@pytest.mark.parametrize("context", [2, 16])
def test_nats_are_the_sum_over_tokens_whatever_is_batched(context):
    draws = np.random.default_rng(0)
    documents = [draws.integers(0, 50, size) for size in (1, 2, 5, 40, 333)]
    found = document_nats(JUDGE, documents, context_tokens=context)
    whole = math.log(math.exp(3) + 49)
    for ids, nats in zip(documents, found, strict=True):
        hits = (ids[1:] == (ids[:-1] + 1) % 50).sum()
        assert nats == pytest.approx((len(ids) - 1) * whole - 3 * hits, rel=1e-5, abs=1e-9)


def test_measures_average_and_intervals():
    def domain(name, nats):
        return DomainNats(
            name, np.array(nats), *(np.full(len(nats), n) for n in (8.0, 4.0, 2.0, 1.0))
        )

    found = judgement([domain("a", [1.0] * 50), domain("b", list(np.arange(50) / 10))])
    a, b = found["domains"]["a"], found["domains"]["b"]
    assert a["bits_per_byte"]["value"] == pytest.approx(1 / 8 / math.log(2))
    assert a["nats_per_char"] == pytest.approx({"value": 0.25, "low": 0.25, "high": 0.25})
    assert a["perplexity"]["value"] == pytest.approx(math.exp(0.5))
    assert b["reference_perplexity"]["value"] == pytest.approx(math.exp(2.45))
    # 1.96 standard errors of a mean of 50: 0.40 nats.
    low, high = (math.log(b["reference_perplexity"][side]) for side in ("low", "high"))
    assert (low, high) == pytest.approx((2.05, 2.85), abs=0.06)
    assert found["average"]["reference_perplexity"]["value"] == pytest.approx(math.exp(1.725))
    assert found["all"]["nats_per_char"]["value"] == pytest.approx(3.45 / 8)


@pytest.fixture
def domains(tmp_path) -> Path:
    (tmp_path / "domains").mkdir()
    for name, texts in TEXTS.items():
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        packed = zstandard.ZstdCompressor().compress(lines)
        (tmp_path / "domains" / f"{name}.jsonl.zst").write_bytes(packed)
    return tmp_path / "domains"


def test_run_and_export_are_judged_alike(models, domains, tmp_path, capsys):
    path = tmp_path / "found.json"
    args = [*models, "--domains", domains, "--json", path, "--window", 48, "--device", "cpu",
            "--nats", tmp_path / "nats.jsonl"]  # fmt: skip
    assert run(["evaluate", *map(str, args), "--quiet"]) == 0
    found = json.loads(path.read_bytes())["models"]
    assert [one["model"] for one in found] == [str(model) for model in models]
    for name, texts in TEXTS.items():
        own, theirs = (one["domains"][name] for one in found)
        assert own["nats"] == pytest.approx(theirs["nats"], rel=1e-6)
        assert own["documents"] == len(texts)
        assert own["bytes"] == sum(len(text.encode()) for text in texts)
        assert own["chars"] == sum(map(len, texts))
        assert own["tokens"] == own["reference_tokens"] > 0
    rows = [json.loads(line) for line in (tmp_path / "nats.jsonl").read_text().splitlines()]
    for one in found:
        for name, texts in TEXTS.items():
            mine = [r for r in rows if (r["model"], r["domain"]) == (one["model"], name)]
            assert [(r["document"], r["chars"]) for r in mine] == list(enumerate(map(len, texts)))
            assert sum(r["nats"] for r in mine) == pytest.approx(one["domains"][name]["nats"])
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out[-5:]] == ["domain", "en", "zh", "average", "all"]
    assert out[0] == str(models[0]) and out[6] == str(models[1])


def as_their_script(model: Path, texts: list[str]) -> tuple[float, int]:
    """Mean loss and count of tokens as notes describe Skywork's script, with batches of one."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    net = AutoModelForCausalLM.from_pretrained(model)
    whole, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text[:1365], add_special_tokens=False).ids])
        with torch.no_grad():
            logits = net(ids).logits
        losses = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
        whole += losses.double().sum().item()
        count += ids.shape[1] - 1
    return whole / count, count


def test_skywork_compat_does_as_their_script_does(tmp_path, capsys):
    """A model of another tokenizer than the reference, and texts beyond the cut."""
    model = tmp_path / "model"
    config = LlamaConfig(
        vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=4096, initializer_range=0.5,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(model)
    own = Tokenizer(BPE({letter: n for n, letter in enumerate(ByteLevel.alphabet())}, []))
    own.pre_tokenizer = ByteLevel(add_prefix_space=False)
    own.save(str(model / "tokenizer.json"))
    texts = {
        "en": ["One short line.", "On boats, and nets. " * 100],
        "zh": ["网与船。" * 400, "海"],
    }
    for name, rows in texts.items():
        lines = "".join(json.dumps({"text": text}) + "\n" for text in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, "utf-8")
    files = [tmp_path / "en.jsonl", tmp_path / "zh.jsonl"]
    args = [model, "--domains", *files, "--skywork-compat", "--json", tmp_path / "found.json"]
    assert run(["evaluate", *map(str, args), "--device", "cpu", "--quiet"]) == 0
    found = json.loads((tmp_path / "found.json").read_bytes())
    reference = Tokenizer.from_file(str(DEFAULT_TOKENIZER))
    normed = []
    for name, rows in texts.items():
        one = found["domains"][name]
        loss, count = as_their_script(model, rows)
        assert one["tokens"] == count
        assert math.log(one["perplexity"]["value"]) == pytest.approx(loss, rel=1e-5)
        counts = [len(reference.encode(text[:1365], add_special_tokens=False)) for text in rows]
        ours = sum(counts) - len(rows)
        assert one["reference_tokens"] == ours
        normed.append(loss * count / ours)
        assert math.log(one["reference_perplexity"]["value"]) == pytest.approx(normed[-1], rel=1e-5)
    average = found["average"]["reference_perplexity"]["value"]
    assert math.log(average) == pytest.approx(sum(normed) / 2, rel=1e-5)
    assert found["domains"]["zh"]["chars"] == 1365 + 1


def test_bits_are_drawn_by_domain_and_model(models, domains, tmp_path, capsys):
    has_matplotlib = importlib.util.find_spec("matplotlib") is not None
    args = [*models, "--domains", domains, "--plot", tmp_path / "bits.png", "--device", "cpu"]
    assert run(["evaluate", *map(str, args), "--quiet"]) == (0 if has_matplotlib else 2)
    if has_matplotlib:
        assert (tmp_path / "bits.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "--plot draws with matplotlib, which is not here" in capsys.readouterr().err


class Axes:
    """Takes note of what is drawn, as matplotlib's axes would draw it."""

    def __init__(self) -> None:
        self.bars: list[tuple] = []

    def subplots(self) -> Axes:
        return self

    def bar(self, places, values, width, *, yerr, capsize, label) -> None:
        self.bars.append((places, values, yerr, label))

    def set_xticks(self, places, names, **_) -> None:
        self.names = names

    def set_ylabel(self, text) -> None:
        pass

    def legend(self) -> None:
        pass


def test_a_bar_has_the_value_and_its_interval():
    bits = {"bits_per_byte": {"value": 2.0, "low": 1.5, "high": 2.75}}
    found = [{"model": name, "domains": {"en": bits}, "average": bits} for name in ("a", "b")]
    axes = Axes()
    draw_bits(axes, found)
    assert axes.names == ["en", "average"]
    (left, values, ends, name), (right, *_, other) = axes.bars
    assert (name, other) == ("a", "b") and values == [2.0, 2.0]
    assert ends == [[0.5, 0.5], [0.75, 0.75]]
    assert left == pytest.approx([-0.2, 0.8]) and right == pytest.approx([0.2, 1.2])


def test_what_cannot_be_judged_is_said(models, domains, tmp_path, capsys):
    (tmp_path / "odd.jsonl").write_text('{"texts": 1}\n')
    cases = [
        ([models[0], "--domains", tmp_path / "none"], 1, "holds no .jsonl or .jsonl.zst"),
        ([models[0], "--domains", tmp_path / "odd.jsonl"], 1, "line 1 has no string field text"),
        ([tmp_path, "--domains", domains], 1, "is no run, and transformers cannot load it"),
        ([models[0], "--domains", domains, domains / "en.jsonl.zst"], 2, "both named 'en'"),
        ([models[0], models[0], "--domains", domains], 2, "a MODEL is named twice"),
        ([models[0], "--domains", domains, "--window", 1], 2, "--window 1: give 2 or more"),
    ]
    for args, code, sentence in cases:
        assert run(["evaluate", *map(str, args), "--quiet"]) == code
        assert sentence in capsys.readouterr().err
