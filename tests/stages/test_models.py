"""Stages tokens, classify and signature: golden scores, and other people's checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from documents import batch_of

from classifiers.checkpoint import fingerprint
from classifiers.screen_model import Weights, save_screen
from skypile.cascade import cascade_notes, cascades, window_counts
from skypile.cli.main import run
from skypile.curate import annotate
from skypile.errors import RecipeError, TokenizerError
from skypile.recipe import Step
from skypile.stages.classify import Classify
from skypile.stages.signature import Signature
from skypile.stages.tokens import TOKEN_IDS, Tokens
from skypile.tokens import DEFAULT_TOKENIZER, load_encoder

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
GOLDEN = Path(__file__).parents[1] / "golden" / "models.json"
IDS = ("en-history-longitude", "en-spam-1", "zh-news-03", "zh-spam-gambling-1", "zh-empty-1")


def sample_texts() -> dict[str, str]:
    found = {}
    for name in ("web-en.jsonl", "web-zh.jsonl"):
        for line in (SAMPLE / name).read_text("utf-8").splitlines():
            document = json.loads(line)
            if document["id"].startswith(IDS):
                found[document["id"]] = document["text"]
    return dict(sorted(found.items()))


def scored() -> pa.RecordBatch:
    return annotate(batch_of(list(sample_texts().values())), [Tokens(), Signature(), Classify()])


def test_scores_are_those_that_were_written_down():
    golden = json.loads(GOLDEN.read_text("utf-8"))
    batch = scored()
    for row, (name, expected) in zip(batch.to_pylist(), golden.items(), strict=True):
        assert row["tokens"] == expected["tokens"], name
        assert row["exact_hash"].hex() == expected["exact_hash"]
        assert row["minhash"][:16].hex() == expected["minhash_head"]
        assert row["shingle_count"] == expected["shingle_count"]
        for head in ("quality", "porn", "politics", "stem"):
            # Another type of machine may round otherwise.
            assert row[head] == pytest.approx(expected[head], abs=2e-4), (name, head)


def test_rows_are_scored_alike_in_any_company():
    texts = list(sample_texts().values())
    whole = scored().to_pylist()
    for at, text in enumerate(texts):
        alone = annotate(batch_of([text]), [Tokens(), Classify()]).to_pylist()[0]
        assert alone["tokens"] == whole[at]["tokens"]
        assert alone["porn"] == pytest.approx(whole[at]["porn"], abs=1e-5)


def test_an_empty_batch_has_the_columns():
    batch = annotate(batch_of([]), [Tokens(), Classify(), Signature()])
    assert {"tokens", TOKEN_IDS, "quality", "porn", "politics", "stem"} <= set(batch.schema.names)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A tiny seeded checkpoint as other people save theirs: two classes, the default tokenizer."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=16384, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, num_labels=2,
        id2label={0: "Not Toxic", 1: "Toxic"}, label2id={"Not Toxic": 0, "Toxic": 1},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEFAULT_TOKENIZER.parent / name, folder / name)
    return folder


def test_any_checkpoint_can_be_named_and_its_labels_mapped(checkpoint):
    stage = Classify(model=str(checkpoint), labels={"Toxic": "toxicity"})
    columns = ["not_toxic", "toxicity", "not_toxic_max", "toxicity_mean"]
    columns += ["windows_count", "windows_scored_count"]
    assert list(stage.writes) == columns
    rows = annotate(batch_of(["some text", "别的文字"]), [Tokens(), stage]).to_pylist()
    for row in rows:
        assert row["not_toxic"] + row["toxicity"] == pytest.approx(1, abs=1e-5)
    # Without the ids of stage tokens it encodes by itself, to the same scores.
    alone = annotate(batch_of(["some text", "别的文字"]), [stage]).to_pylist()
    assert [row["toxicity"] for row in alone] == [row["toxicity"] for row in rows]


def test_long_documents_are_scored_by_windows_up_to_a_cap(checkpoint):
    stage = Classify(model=str(checkpoint), pooling={"Toxic": "max"}, max_windows=3)
    # 62 tokens of text fit a window of this checkpoint; the parts differ, so do their scores.
    text = " ".join(f"{word} {n}" for word in ("river", "copper", "winter") for n in range(60))
    texts = ["one two", text, text[:250], ""]
    rows = annotate(batch_of(texts), [stage]).to_pylist()
    assert [row["windows_count"] for row in rows] == [1, 3, 2, 1]
    for row in rows:
        assert row["toxic_mean"] <= row["toxic"] and row["not_toxic"] <= row["not_toxic_max"]
        assert row["windows_count"] > 1 or row["toxic_mean"] == row["toxic"]
        assert row["toxic_mean"] + row["not_toxic"] == pytest.approx(1, abs=3e-6)
    assert rows[1]["toxic_mean"] < rows[1]["toxic"]
    more = annotate(batch_of(texts), [Classify(model=str(checkpoint), max_windows=100)]).to_pylist()
    assert more[1]["windows_count"] > 8 and more[1]["toxic_max"] >= rows[1]["toxic"] - 1e-6


def test_a_model_is_named_by_its_hash_not_its_path(checkpoint, tmp_path):
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    one, two = Classify(model=str(checkpoint)), Classify(model=str(copy))
    assert one.fingerprint_data() == two.fingerprint_data()
    assert one.fingerprint_data() != Classify().fingerprint_data()


@pytest.fixture(scope="module")
def screened(checkpoint, tmp_path_factory) -> Path:
    """The checkpoint with a screen whose estimates go by the length of a window alone.

    Of n tokens the logit of the second label is 40 / (n + 8) - 1.5: windows under 10 tokens are
    clear, and said to be toxic; all others are not.
    """
    folder = shutil.copytree(checkpoint, tmp_path_factory.mktemp("screened") / "m")
    features, labels = 6, 2
    skip_FL = np.zeros((features, labels), np.float32)
    skip_FL[3, 1] = 5
    weights = Weights(
        np.zeros((16384, 1), np.float32), np.zeros((16384, 1), np.float32),
        np.zeros((16384, 1, 1), np.float32), np.zeros((features, 1), np.float32),
        np.zeros(1, np.float32), np.zeros((1, labels), np.float32), skip_FL,
        np.array([0, -1.5], np.float32),
    )  # fmt: skip
    row = {"threshold": 0.5, "aimed": True, "flagged": 400, "lost": 1, "gained": 0}
    told = {
        "version": 2, "weights": fingerprint(folder), "activation": "softmax",
        "bounds": {"Not Toxic": {"low": 0.5, "high": 0.5}, "Toxic": {"low": 0.1, "high": 0.65}},
        "figures": {"test": {"heads": {"Toxic": [row, row | {"aimed": False}]}}},
    }  # fmt: skip
    save_screen(folder, weights, told)
    return folder


def test_clear_windows_are_left_to_the_screen(screened, checkpoint):
    both, alone = Classify(model=str(screened)), Classify(model=str(screened), cascade=False)
    without = Classify(model=str(checkpoint))
    assert alone.fingerprint_data() == without.fingerprint_data() != both.fingerprint_data()
    assert list(both.writes)[-2:] == ["windows_count", "windows_scored_count"]
    # One window that is clear, one that is not, and four that are not.
    texts = ["one two", "one two three four five " * 6, "river and copper " * 50, ""]
    rows = annotate(batch_of(texts), [both]).to_pylist()
    assert [row["windows_scored_count"] for row in rows] == [0, 1, 4, 0]
    bert = annotate(batch_of(texts), [alone]).to_pylist()
    assert [row["windows_scored_count"] for row in bert] == [1, 1, 4, 1]
    for row, other in zip(rows[1:3], bert[1:3], strict=True):
        assert row["toxic"] == pytest.approx(other["toxic"], abs=2e-6)
    for row, count in ((rows[0], len(tokens_of(texts[0]))), (rows[3], 0)):
        expected = 1 / (1 + np.exp(1.5 - 40 / (count + 8)))
        assert row["toxic"] == pytest.approx(expected, abs=2e-6)
    parts = [annotate(batch_of([text]), [both]).to_pylist()[0] for text in texts]
    assert [row["windows_scored_count"] for row in parts] == [0, 1, 4, 0]
    assert [parts[at]["toxic"] for at in (0, 3)] == [rows[at]["toxic"] for at in (0, 3)]


def tokens_of(text: str) -> list[int]:
    return load_encoder(DEFAULT_TOKENIZER).encode(pa.array([text], pa.large_string())).ids.tolist()


def test_the_ledger_says_how_many_windows_the_model_scored(screened, checkpoint, tmp_path, capsys):
    recipe = tmp_path / "toxic.yaml"
    recipe.write_text(
        "name: toxic\nsteps: [{stages: [counts]}]\nscore:\n"
        f"- stages: [{{stage: classify, model: {screened}}}]\n",
        "utf-8",
    )
    texts = ["one two", "one two three four five " * 6, "river and copper " * 50]
    lines = [json.dumps({"text": text}) for text in texts]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), "utf-8")
    args = ["filter", str(tmp_path / "in.jsonl"), "--recipe", str(recipe)]
    assert run([*args, "--output", str(tmp_path / "out.jsonl")]) == 0
    expected = (
        f"classify: {screened} scored 5 of 6 windows (83.3%), its screen the others; by the "
        "figures in screen.json that loses 1 of 400 flags (0.25%) at the thresholds that it "
        "was made for"
    )
    assert expected in capsys.readouterr().err.splitlines()
    steps = [Step(stages=[{"stage": "classify", "model": str(model)}])
             for model in (screened, checkpoint)]  # fmt: skip
    stages = cascades(steps)
    assert [stage.model_name for stage in stages] == [str(screened)]
    counted = window_counts(annotate(batch_of(texts), stages), stages)
    assert counted == {"windows_count": 6, "windows_scored_count": 5}
    assert cascade_notes(stages, counted) == [expected]
    assert cascade_notes(stages, {}) == []


def test_a_wrong_label_or_model_or_tokenizer_is_named(checkpoint, tmp_path):
    with pytest.raises(RecipeError, match="no label 'toxic'; it has Not Toxic, Toxic"):
        _ = Classify(model=str(checkpoint), labels={"toxic": "t"}).writes
    with pytest.raises(RecipeError, match="pooling of 'toxic': there are the labels Not Toxic"):
        _ = Classify(model=str(checkpoint), pooling={"toxic": "max"}).writes
    with pytest.raises(RecipeError, match="name each by labels"):
        _ = Classify(model=str(checkpoint), windows_column="toxic").writes
    with pytest.raises(RecipeError, match=r"config\.json"):
        _ = Classify(model=str(tmp_path)).writes
    with pytest.raises(TokenizerError, match=r"none\.json"):
        Tokens(tokenizer=str(tmp_path / "none.json"))


def write_golden() -> None:
    """Write the scores down anew: python -c 'import test_models; test_models.write_golden()'."""
    rows = zip(sample_texts(), scored().to_pylist(), strict=True)
    told = {
        name: {
            "tokens": row["tokens"],
            "exact_hash": row["exact_hash"].hex(),
            "minhash_head": row["minhash"][:16].hex(),
            "shingle_count": row["shingle_count"],
            **{head: row[head] for head in ("quality", "porn", "politics", "stem")},
        }
        for name, row in rows
    }
    GOLDEN.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
