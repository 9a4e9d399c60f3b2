"""The masked loss, the batches, and a whole training run on a few rows."""

from __future__ import annotations

import json
import math
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import zstandard
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from classifiers import DEFAULT, ClassifierError, evaluate, soup, train, weak_talk
from classifiers.data import HEADS, Document, encoded, said
from classifiers.model import load
from classifiers.rows_file import read_documents, write_documents
from classifiers.weak import is_banned

LEXICONS = (
    "fwwdn/广告.txt",
    "fwwdn/色情类.txt",
    "konsheng/广告类型.txt",
    "konsheng/色情类型.txt",
    "konsheng/色情词库.txt",
    "konsheng/补充词库.txt",
    "konsheng/网易前端过滤敏感词库.txt",
    "konsheng/零时-Tencent.txt",
    "ldnoobw/en",
    "ldnoobw/zh",
)


def test_loss_is_the_mean_over_known_labels_only() -> None:
    logits = torch.tensor([[0.3, -2.0], [1.5, 0.7]], requires_grad=True)
    labels = torch.tensor([[1.0, math.nan], [math.nan, 0.0]])
    loss = train.masked_loss(logits, labels)
    want = (math.log1p(math.exp(-0.3)) + math.log1p(math.exp(0.7))) / 2
    assert float(loss.detach()) == pytest.approx(want, rel=1e-5)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 0] == 0
    assert logits.grad[0, 0] != 0


def test_loss_without_any_label_is_zero() -> None:
    logits = torch.ones(2, 4, requires_grad=True)
    loss = train.masked_loss(logits, torch.full((2, 4), math.nan))
    loss.backward()
    assert float(loss.detach()) == 0


def test_batches_hold_every_window_once_within_the_budget() -> None:
    lengths = np.random.default_rng(0).integers(0, 254, 9000)
    found = list(train.batches(lengths, np.random.default_rng(1), 8192))
    assert sorted(np.concatenate(found).tolist()) == list(range(9000))
    assert all(len(rows) * (int(lengths[rows].max()) + 2) <= 8192 for rows in found)
    assert max(map(len, found)) == 128


def _write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(zstandard.compress(lines.encode()))


@pytest.fixture
def small_data(tmp_path: Path) -> Path:
    """Write labels, corpus and lexicons of a few rows in the layout of the real data."""
    folder = tmp_path / "data"
    news = {"lang": "en", "source": "20 Newsgroups bydate", "license": "20 Newsgroups: research"}
    title = {"lang": "zh", "source": "THUCNews titles (x)", "license": "THUCNews: research use"}
    for split, begin in (("train", 0), ("dev", 50)):
        rows = [
            {
                **news,
                "label": at % 2,
                "text": f"{'senate vote' if at % 2 else 'ice hockey'} {at} end",
            }
            for at in range(begin, begin + 30)
        ] + [
            {
                **title,
                "label": at % 2,
                "text": f"{'外交部发言人' if at % 2 else '股票市场上涨'}{at}号消息",
            }
            for at in range(begin, begin + 40)
        ]
        for name in (*HEADS, "toxicity"):
            _write_rows(folder / "labels" / name / f"{split}.jsonl.zst", rows)
    for name in ("en_books", "en_stem", "en_tech_lctt", "en_prose_nltk"):
        text = f"The {name} harbour was quiet that night and every ship lay still. " * 20
        row = {"text": text, "source": "LCTT/x", "license": "MIT", "lang_hint": "en", "url": "u"}
        _write_rows(folder / "corpus" / f"{name}.jsonl.zst", [row])
    for name in ("zh_stem", "zh_tech_lctt", "zh_classical", "zh_news"):
        text = f"{name}港口今晚很安静，所有的船都停着不动。" * 20
        row = {"text": text, "source": "LCTT/x", "license": "MIT", "lang_hint": "zh", "url": "u"}
        _write_rows(folder / "corpus" / f"{name}.jsonl.zst", [row])
    for name in LEXICONS:
        path = folder / "lexicons" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("woa\nwob\nwoc\n" if name.endswith("en") else "木石,\n水火\n山川风\n")
    return folder


def test_a_training_run_writes_a_checkpoint_that_scores(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model"
    output.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEFAULT / name, output / name)
    flags = ["--data", str(small_data), "--output", str(output)]
    run = [*flags, "--epochs", "1", "--weak", "2", "--windows", "0.001", "--layers", "1"]
    assert train.main(run) == 0
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["training"]["seed"] == 20
    assert set(metrics["dev"]) == set(HEADS)
    first = load(output, device="cpu").fingerprint
    assert sorted(x.name for x in output.iterdir()) == [
        "config.json", "metrics.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    assert evaluate.main(["--data", str(small_data), "--model", str(output)]) == 0
    assert json.loads((output / "metrics.json").read_text())["dev"] == metrics["dev"]
    assert "| politics | zh |" in capsys.readouterr().out
    assert train.main(run) == 0
    assert load(output, device="cpu").fingerprint == first
    _learns_from_a_teacher(output, tmp_path, run, capsys)


def _learns_from_a_teacher(
    teacher: Path, tmp_path: Path, run: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same run with a teacher, from rows that an earlier one has kept, without the data."""
    student, rows = tmp_path / "student", tmp_path / "rows.jsonl.zst"
    shutil.copytree(teacher, student)
    # Some steps at a rate that shows in fp16: AdamW's first one goes by signs alone.
    fast = ["--output", str(student), *run[4:], "--rate", "0.1", "--batch-tokens", "256"]
    fast += ["--rows", str(rows)]
    assert train.main([*run[:2], *fast]) == 0
    alone = load(student, device="cpu").fingerprint
    assert train.main(fast) == 0
    assert load(student, device="cpu").fingerprint == alone
    assert train.main([*fast, "--teacher", str(teacher)]) == 0
    assert load(student, device="cpu").fingerprint != alone
    assert train.main([*fast, "--weak", "3"]) == 1
    assert "was made with" in capsys.readouterr().out


def test_missing_data_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--data", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "no such file" in capsys.readouterr().out


def _soup_of(tmp_path: Path, *factors: float) -> list[Path]:
    """Write the shipped classifier with its weights times each factor."""
    folders = []
    for at, factor in enumerate(factors):
        folder = tmp_path / f"run-{at}"
        folder.mkdir()
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(DEFAULT / name, folder / name)
        weights = {
            name: weight * factor
            for name, weight in load_file(DEFAULT / "model.safetensors").items()
        }
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        folders.append(folder)
    return folders


def test_a_soup_is_the_mean_of_weights(tmp_path: Path) -> None:
    folders = _soup_of(tmp_path, 1.0, 3.0)
    assert soup.main([*map(str, folders), "--output", str(tmp_path / "soup")]) == 0
    found = load_file(tmp_path / "soup" / "model.safetensors")
    for name, weight in load_file(DEFAULT / "model.safetensors").items():
        assert found[name].dtype == weight.dtype
        torch.testing.assert_close(found[name].float(), 2 * weight.float(), rtol=2e-3, atol=1e-6)
    assert load(tmp_path / "soup", cascade=False).labels == load(DEFAULT).labels


def test_soups_of_different_things_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = _soup_of(tmp_path, 1.0, 1.0)
    settings = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(settings | {"layer_norm_eps": 1e-3}))
    assert soup.main([str(one), str(other), "--output", str(tmp_path / "soup")]) == 1
    assert "config.json differs" in capsys.readouterr().out
    assert not (tmp_path / "soup").exists()
    assert soup.main([str(one), "--output", str(tmp_path / "soup")]) == 1
    assert "two folders" in capsys.readouterr().out


def test_rows_kept_in_a_file_are_those_that_were_made(tmp_path: Path) -> None:
    long = "开头" + "中" * 13_000 + "结尾"
    rows = [
        Document("a text", "en", "s", "MIT", said(porn=0, stem=1)),
        Document(long, "zh", "t", "MIT", said(quality=0)),
    ]
    path = tmp_path / "rows.jsonl.zst"
    write_documents(path, {"train": rows, "dev": rows[:1]}, {"seed": 1})
    found = read_documents(path, {"seed": 1})
    assert [repr(doc) for doc in found["dev"]] == [repr(rows[0])]
    assert repr(found["train"][0]) == repr(rows[0])
    # Of a long text that is kept which `encoded` reads.
    tokenizer = Tokenizer.from_file(str(DEFAULT / "tokenizer.json"))
    for kept, made in zip(
        encoded(tokenizer, [found["train"][1].text]), encoded(tokenizer, [long]), strict=True
    ):
        assert kept.tolist() == made.tolist()
    with pytest.raises(ClassifierError, match="was made with"):
        read_documents(path, {"seed": 2})


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_composed_news_and_talk_fill_all_slots(lang: str) -> None:
    rng = random.Random(0)
    texts = [
        make
        for _ in range(300)
        for make in (
            weak_talk.headlines(rng, lang, is_politics=True),
            weak_talk.headlines(rng, lang, is_politics=False),
            weak_talk.comment(rng, lang, is_toxic=True),
            weak_talk.comment(rng, lang, is_toxic=False),
        )
    ]
    if lang == "zh":
        sexual = [weak_talk.sexual(rng, weak_talk.euphemisms()) for _ in range(300)]
        assert not any(char.isdigit() for text in sexual for char in text)
        assert not any(is_banned(text, whole_words=True) for text in weak_talk.euphemisms())
        texts += [weak_talk.offer(rng) for _ in range(300)]
        texts += [weak_talk.lure(rng) for _ in range(300)] + sexual
    assert all(text.strip() and "{" not in text and "}" not in text for text in texts)
    # Frames and words are many enough that hardly any text comes twice.
    assert len(set(texts)) > 0.8 * len(texts)
