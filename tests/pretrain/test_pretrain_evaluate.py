"""Nats of documents: every token once, whatever the windows, the same for run and export."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import zstandard

from skypile.cli.main import run
from skypile.pretrain.judgement import DomainNats, judgement
from skypile.pretrain.nats import Judge, document_nats, windows

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
    found = []
    for model in models:
        path = tmp_path / "found.json"
        args = [model, "--domains", domains, "--json", path, "--window", 48, "--device", "cpu"]
        assert run(["evaluate", *map(str, args), "--quiet"]) == 0
        found.append(json.loads(path.read_bytes()))
    for name, texts in TEXTS.items():
        own, theirs = (one["domains"][name] for one in found)
        assert own["nats"] == pytest.approx(theirs["nats"], rel=1e-6)
        assert own["documents"] == len(texts)
        assert own["bytes"] == sum(len(text.encode()) for text in texts)
        assert own["chars"] == sum(map(len, texts))
        assert own["tokens"] == own["reference_tokens"] > 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out[-5:]] == ["domain", "en", "zh", "average", "all"]


def test_what_cannot_be_judged_is_said(models, domains, tmp_path, capsys):
    (tmp_path / "odd.jsonl").write_text('{"texts": 1}\n')
    cases = [
        ([models[0], "--domains", tmp_path / "none"], 1, "holds no .jsonl or .jsonl.zst"),
        ([models[0], "--domains", tmp_path / "odd.jsonl"], 1, "line 1 has no string field text"),
        ([tmp_path, "--domains", domains], 1, "is no run, and transformers cannot load it"),
        ([models[0], "--domains", domains, domains / "en.jsonl.zst"], 2, "both named 'en'"),
        ([models[0], "--domains", domains, "--window", 1], 2, "--window 1: give 2 or more"),
    ]
    for args, code, sentence in cases:
        assert run(["evaluate", *map(str, args), "--quiet"]) == code
        assert sentence in capsys.readouterr().err
