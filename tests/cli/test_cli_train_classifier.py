"""A run of the command end to end, on rows made here and a tiny random BERT."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checkpoints import CHINESE, WORDS, write_checkpoint
from cli_runs import Done, write_lines
from documents import batch_of
from safetensors.torch import load_file, save_file

from skypile.curate import annotate
from skypile.stages.classify import Classify


def made_rows(count: int = 96) -> list[dict[str, Any]]:
    """Return advertisements and other lines in two languages, of twelve sites."""
    rng = random.Random(5)
    rows = []
    for at in range(count):
        ads, chinese = at % 2 == 1, at // 2 % 2 == 1
        if chinese:
            text = "".join(rng.choice(CHINESE[11:] if ads else CHINESE[:11]) for _ in range(14))
        else:
            text = " ".join(rng.choice(WORDS[12:] if ads else WORDS[:12]) for _ in range(14))
        rows.append(
            {
                "text": text, "ads": ads, "quality": None if at % 3 else 1 - 0.8 * ads,
                "url": f"https://www.site{rng.randrange(12)}.example/{at}",
                "language": "zh" if chinese else "en", "license": "CC0-1.0", "note": "x",
            }
        )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig

    config = BertConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=24, pad_token_id=1, num_labels=2,
        initializer_range=0.3, hidden_dropout_prob=0.05,
    )  # fmt: skip
    return write_checkpoint(tmp_path_factory.mktemp("base") / "tiny", config)


OPTIONS = (
    "--epochs", 6, "--lr", 0.005, "--batch-tokens", 128, "--threads", 1, "--device", "cpu",
    "--quiet",
)  # fmt: skip


@pytest.fixture
def trained(call, base: Path, tmp_path: Path):
    def run(data: Path, output: Path, *more: object) -> Done:
        return call("train-classifier", data, "--output", output, "--base", base, *OPTIONS, *more)

    return run


def test_a_folder_that_plain_transformers_and_stage_classify_load(trained, tmp_path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    rows = made_rows()
    # One text stands on all sites: it may be learnt from or be measured on, not both.
    rows += [{**rows[0], "url": f"https://site{site}.example/copy"} for site in range(12)]
    data = write_lines(tmp_path / "rows.jsonl", rows)
    done = trained(data, tmp_path / "one")
    assert done.code == 0, done.err
    metrics = json.loads((tmp_path / "one" / "metrics.json").read_text("utf-8"))
    log = metrics["training"]["log"]
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]
    assert metrics["test"]["ads"]["all"]["auc"] > 0.95
    assert metrics["data"]["licenses"] == {"CC0-1.0": 108}
    assert metrics["data"]["group_by"] == "site of the URL"
    splits, copies = metrics["data"]["splits"], metrics["data"]["near_copies"]
    assert sum(one["groups"] for one in splits.values()) == 12
    assert sum(one["rows"] for one in splits.values()) == 108 - copies
    assert copies >= 12 - splits["test"]["groups"]
    card = (tmp_path / "one" / "README.md").read_text("utf-8")
    assert metrics["data"]["files"][0]["sha256"] in card
    assert "| ads | all | 0.9 |" in card

    texts = [row["text"] for row in rows[:6]]
    stage = Classify(model=str(tmp_path / "one"))
    scored = annotate(batch_of(texts), [stage]).to_pylist()
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "one").eval()
    assert model.config.problem_type == "multi_label_classification"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "one")
    inputs = tokenizer(texts, return_tensors="pt", padding=True)
    found = model(inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits.sigmoid()
    for row, scores in zip(scored, found.tolist(), strict=True):
        assert [row["quality"], row["ads"]] == pytest.approx(scores, abs=2e-6)

    # The same again, from Parquet: only the file's name and hash differ.
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), table)
    assert trained(table, tmp_path / "two").code == 0
    for name in ("model.safetensors", "config.json", "tokenizer.json", "calibration.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    again = json.loads((tmp_path / "two" / "metrics.json").read_text("utf-8"))
    again["data"]["files"] = metrics["data"]["files"]
    # A row without a source has its file for one.
    for one in (again, metrics):
        del one["data"]["sources"], one["test_by_source"]
    assert again == metrics


def test_warm_up_and_teacher_and_custom_heads(trained, base, tmp_path, call) -> None:
    rows = [{**row, "spam": row.pop("ads"), "language": None} for row in made_rows()]
    data = write_lines(tmp_path / "rows.jsonl", rows)
    plain = write_lines(tmp_path / "plain.jsonl", [{"text": row["text"]} for row in rows * 2])
    done = trained(
        data, tmp_path / "m", "--head", "ads=spam", "--mlm", plain, "--mlm-steps", 3,
        "--teacher", tmp_path / "m", "--epochs", 1,
    )  # fmt: skip
    assert done.code == 1
    assert "neither a folder nor a Hub checkpoint" in done.err
    assert trained(data, tmp_path / "t", "--head", "ads=spam", "--epochs", 1).code == 0
    done = trained(
        data, tmp_path / "m", "--head", "ads=spam", "--mlm", plain, "--mlm-steps", 3,
        "--teacher", tmp_path / "t", "--epochs", 1,
    )  # fmt: skip
    assert done.code == 0, done.err
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text("utf-8"))
    training = metrics["training"]
    assert metrics["data"]["languages"]["zh"] == 48
    assert (training["mlm"]["steps"], training["mlm"]["documents"]) == (3, 192)
    assert training["teacher"]["name"] == "t"
    card = (tmp_path / "m" / "README.md").read_text("utf-8")
    assert "mixed by halves with the probabilities of `t`" in card
    assert "3 steps of masked language modelling" in card


ROWS = made_rows(12)


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([], (), "the inputs hold no document"),
        ([{"body": "x", "ads": 1}], (), "field 'text'; the first, rows.jsonl#0"),
        ([{"text": "x", "adds": 1}], (), "did you mean --head ads=adds?"),
        (ROWS, ("--head", "porn"), "no record has a value in such a field"),
        (ROWS, ("--head", "ads=ad"), "did you mean ads?"),
        ([{"text": "x", "ads": 3}], (), "rows.jsonl#0: field ads is 3; a label for head ads"),
        ([{"text": "a b", "ads": 1}], (), "head ads: 0 rows with label 0 and 1 with label 1"),
        (ROWS, ("--group-field", "nowhere"), "rows.jsonl#0: has no field 'nowhere'"),
        (ROWS, ("--group-field", "license"), "only 1 groups|1 of 1 groups have one"),
        (ROWS, ("--head", "a-b"), "--head a-b: give NAME, or NAME=FIELD"),
        (ROWS, ("--patience", "0"), "--patience 0: give 1 or more"),
    ],
)
def test_what_is_wrong_is_said_and_where(rows, more, said, trained, tmp_path) -> None:
    data = write_lines(tmp_path / "rows.jsonl", rows)
    done = trained(data, tmp_path / "m", *more)
    assert done.code in (1, 2)
    assert any(one in done.err for one in said.split("|")), done.err
    assert "this is a bug" not in done.err
    assert not (tmp_path / "m").exists()


def test_a_base_without_a_fast_tokenizer_and_a_loss_that_is_no_number(
    call, trained, base, tmp_path
) -> None:
    data = write_lines(tmp_path / "rows.jsonl", made_rows())
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "config.json").write_text("{}")
    done = call("train-classifier", data, "--output", tmp_path / "m", "--base", tmp_path / "slow")
    assert "tokenizer.json: no such file" in done.err
    done = trained(data, tmp_path / "m", "--batch-tokens", 20)
    assert "--batch-tokens 20: must hold a window of 24" in done.err

    broken = shutil.copytree(base, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"] *= float("nan")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    done = trained(data, tmp_path / "m", "--base", broken)
    assert done.code == 1
    assert "epoch 1, step 1: the loss is nan; lower --lr 0.005" in done.err
    assert not list(tmp_path.glob("*m*"))


def test_an_output_that_is_there_is_replaced_only_if_asked_and_only_a_checkpoint(
    trained, tmp_path
) -> None:
    data = write_lines(tmp_path / "rows.jsonl", ROWS)
    output = tmp_path / "m"
    output.mkdir()
    (output / "thesis.txt").write_text("years of work")
    done = trained(data, output)
    assert (done.code, "is there already" in done.err) == (2, True)
    done = trained(data, output, "--overwrite")
    assert (done.code, "holds no checkpoint that could be replaced" in done.err) == (2, True)
    assert (output / "thesis.txt").read_text() == "years of work"
