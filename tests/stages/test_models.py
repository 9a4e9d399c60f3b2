"""Stages tokens, classify and signature: golden scores, and other people's checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from documents import batch_of

from skypile.curate import annotate
from skypile.errors import RecipeError, TokenizerError
from skypile.stages.classify import Classify
from skypile.stages.signature import Signature
from skypile.stages.tokens import TOKEN_IDS, Tokens
from skypile.tokens import DEFAULT_TOKENIZER

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
    columns = ["not_toxic", "toxicity", "not_toxic_max", "toxicity_max", "windows_count"]
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
