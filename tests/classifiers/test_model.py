"""Scores of tiny seeded checkpoints and of the shipped one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from classifiers import DEFAULT, ClassifierError, data
from classifiers.card import TABLES, refreshed
from classifiers.data import HEADS, labelled_documents
from classifiers.evaluate import auc, evaluation, table
from classifiers.model import Scorer, load
from classifiers.train import mean_auc
from classifiers.windows import batches, windows

SHARED = os.environ.get("SKYPILE_SHARED")
VOCABULARY = 60


def _checkpoint(folder: Path, **settings: object) -> Path:
    """Write a BERT with random weights and a word-level tokenizer; windows hold 14 tokens."""
    torch.manual_seed(3)
    words = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3}
    words |= {f"w{at}": at for at in range(4, VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=16, pad_token_id=0,
        initializer_range=0.5, **settings,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    folder = _checkpoint(
        tmp_path_factory.mktemp("multi"),
        id2label=dict(enumerate(HEADS)),
        label2id={name: at for at, name in enumerate(HEADS)},
        problem_type="multi_label_classification",
    )
    return load(folder, threads=1, device="cpu")


def _packed(documents: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.zeros(len(documents) + 1, dtype=np.int64)
    np.cumsum([len(x) for x in documents], out=offsets[1:])
    return np.concatenate([*documents, np.empty(0, dtype=np.uint32)]).astype(np.uint32), offsets


def _documents(*sizes: int) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.integers(4, VOCABULARY, size).astype(np.uint32) for size in sizes]


def _by_hand(scorer: Scorer, window: np.ndarray) -> np.ndarray:
    ids = torch.tensor([[1, *window.tolist(), 2]])
    with torch.inference_mode():
        scores: np.ndarray = torch.sigmoid(scorer.model(input_ids=ids).logits)[0].numpy()
    return scores


def test_a_short_document_is_one_window(scorer: Scorer) -> None:
    documents = _documents(0, 1, 13, 14)
    scores = scorer.score_ids(*_packed(documents))
    assert scores.dtype == np.float32
    assert scorer.labels == HEADS
    assert scorer.max_tokens == 16
    for got, document in zip(scores, documents, strict=True):
        np.testing.assert_allclose(got, _by_hand(scorer, document), atol=1e-5)


def test_a_long_document_is_all_of_its_windows(scorer: Scorer) -> None:
    (document,) = _documents(31)
    found = scorer.start(*_packed([document]))()
    parts = [_by_hand(scorer, document[at : at + 14]) for at in (0, 8, 17)]
    largest, mean = np.max(parts, axis=0), np.mean(parts, axis=0)
    assert found.count.tolist() == [3]
    for at, name in enumerate(scorer.labels):
        by_largest = name in ("porn", "politics", "ads", "toxicity")
        both = [largest[at], mean[at]] if by_largest else [mean[at], largest[at]]
        assert [found.pooled[0, at], found.other[0, at]] == pytest.approx(both, abs=1e-5)


def test_pooling_can_be_set_by_label(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", num_labels=2, problem_type="multi_label_classification")
    (document,) = _documents(40)
    both = load(folder, device="cpu").score_ids(*_packed([document[:14], document[-14:]]))
    highest = load(folder, device="cpu", pooling={"LABEL_1": "max"}, max_windows=2)
    (got,) = highest.score_ids(*_packed([document]))
    np.testing.assert_allclose(got, [both[:, 0].mean(), both[:, 1].max()], atol=1e-5)
    with pytest.raises(ClassifierError, match="must be max or mean"):
        load(folder, device="cpu", pooling={"LABEL_1": "median"})
    with pytest.raises(ClassifierError, match="it must be 2 or more"):
        load(folder, device="cpu", max_windows=1)


def test_order_and_company_of_documents_do_not_matter(scorer: Scorer) -> None:
    documents = _documents(*np.random.default_rng(1).integers(0, 60, 900).tolist())
    scores = scorer.score_ids(*_packed(documents))
    order = np.random.default_rng(2).permutation(len(documents))
    permuted = scorer.score_ids(*_packed([documents[at] for at in order]))
    np.testing.assert_allclose(permuted, scores[order], atol=1e-5)
    halves = [scorer.score_ids(*_packed(part)) for part in (documents[:450], documents[450:])]
    np.testing.assert_allclose(np.concatenate(halves), scores, atol=1e-5)


def test_the_same_rows_give_the_same_bytes(scorer: Scorer) -> None:
    packed = _packed(_documents(*range(0, 300, 7)))
    assert scorer.score_ids(*packed).tobytes() == scorer.score_ids(*packed).tobytes()


def test_no_documents_give_no_scores(scorer: Scorer) -> None:
    scores = scorer.score_ids(np.empty(0, dtype=np.uint32), np.zeros(1, dtype=np.int64))
    assert scores.shape == (0, len(HEADS))


def test_single_label_scores_sum_to_one(tmp_path: Path) -> None:
    folder = _checkpoint(
        tmp_path / "m", num_labels=3, problem_type="single_label_classification",
        id2label={0: "news", 1: "spam", 2: "other"},
    )  # fmt: skip
    found = load(folder, device="cpu")
    scores = found.score_ids(*_packed(_documents(3, 0, 40)))
    assert found.labels == ("news", "spam", "other")
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_one_output_is_a_raw_regression_value(tmp_path: Path) -> None:
    found = load(_checkpoint(tmp_path / "m", num_labels=1), device="cpu")
    documents = _documents(5)
    (got,) = found.score_ids(*_packed(documents))
    ids = torch.tensor([[1, *documents[0].tolist(), 2]])
    with torch.inference_mode():
        want = found.model(input_ids=ids).logits[0].numpy()
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_roberta_positions_leave_room_for_their_offset(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", num_labels=2)
    torch.manual_seed(5)
    config = RobertaConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=18, pad_token_id=0, num_labels=2,
        initializer_range=0.5,
    )  # fmt: skip
    RobertaForSequenceClassification(config).save_pretrained(folder)
    found = load(folder, device="cpu")
    assert found.max_tokens == 17
    documents = _documents(15, 3)
    scores = found.score_ids(*_packed(documents))
    for got, document in zip(scores, documents, strict=True):
        ids = torch.tensor([[1, *document.tolist(), 2]])
        with torch.inference_mode():
            want = torch.softmax(found.model(input_ids=ids).logits, dim=-1)[0].numpy()
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("most", [2, 3, 8])
def test_windows_cover_a_document_evenly_up_to_a_cap(most: int) -> None:
    sizes = [0, 1, 10, 11, 19, 20, 21, 35, 80, 81, 1000]
    offsets = np.concatenate([[7], 7 + np.cumsum(sizes)]).astype(np.int64)
    starts, lengths, documents = windows(offsets, 10, most)
    for at, size in enumerate(sizes):
        begins = (starts[documents == at] - offsets[at]).tolist()
        count = min(max(-(-size // 10), 1), most)
        # The twin, in exact fractions.
        assert (
            begins == [(size - 10) * n // (count - 1) for n in range(count)] if count > 1 else [0]
        )
        assert set(lengths[documents == at].tolist()) == {min(size, 10)}
        assert begins[0] == 0 and begins[-1] + min(size, 10) == size
        if size <= 10 * most:
            assert all(two - one <= 10 for one, two in pairwise(begins)), "nothing is left out"


def test_batches_fill_the_budget_and_cover_all_windows_in_order() -> None:
    lengths = np.sort(np.random.default_rng(6).integers(0, 255, 3000))
    found = list(batches(lengths, 2, 4096))
    assert [x.start for x in found] == [0, *(x.stop for x in found[:-1])]
    assert found[-1].stop == 3000
    slots = [(x.stop - x.start) * (int(lengths[x.stop - 1]) + 2) for x in found]
    assert max(slots) <= 4096
    assert min(slots[:-1]) > 3000


def test_a_window_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    found = list(batches(np.array([5, 90, 95]), 2, 50))
    assert [(x.start, x.stop) for x in found] == [(0, 1), (1, 2), (2, 3)]


def test_fingerprint_follows_weights_and_tokenizer(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", num_labels=2)
    same = _checkpoint(tmp_path / "same", num_labels=2)
    other = _checkpoint(tmp_path / "other", num_labels=2)
    with (other / "tokenizer.json").open("a") as file:
        file.write("\n")
    first = load(folder, device="cpu").fingerprint
    assert load(same, device="cpu").fingerprint == first
    assert load(other, device="cpu").fingerprint != first


def test_a_folder_without_a_fast_tokenizer_is_named(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", num_labels=2)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ClassifierError, match=r"tokenizer\.json: no such file"):
        load(folder, device="cpu")


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", num_labels=2)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ClassifierError, match="cannot be loaded"):
        load(folder, device="cpu")


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, classifiers; print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_the_package_never_imports_skypile() -> None:
    folder = DEFAULT.parent.parent
    for path in folder.glob("*.py"):
        assert "skypile." not in path.read_text() or path.name == "train_tokenizer.py"
        assert "import skypile" not in path.read_text()


@pytest.mark.parametrize(
    ("scores", "positive", "want"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
        ([0.5, 0.5], [0, 1], 0.5),
        ([0.1, 0.9], [0, 1], 1.0),
        ([0.9, 0.1], [0, 1], 0.0),
        ([0.2, 0.3], [1, 1], math.nan),
    ],
)
def test_auc_equals_the_share_of_ordered_pairs(
    scores: list[float], positive: list[int], want: float
) -> None:
    got = auc(np.array(scores), np.array(positive, dtype=bool))
    assert got == pytest.approx(want, nan_ok=True)


def test_auc_equals_a_count_over_all_pairs() -> None:
    rng = np.random.default_rng(4)
    scores, positive = rng.integers(0, 9, 200) / 9, rng.random(200) < 0.3
    pairs = scores[positive][:, None] - scores[~positive][None, :]
    want = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert auc(scores, positive) == pytest.approx(want)


def test_shipped_weights_are_small_half_precision_and_load() -> None:
    from safetensors import safe_open

    weights = DEFAULT / "model.safetensors"
    assert weights.stat().st_size <= 15 * 2**20 - 2 * 2**20
    with safe_open(weights, framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    shipped = load("default", threads=1, device="cpu")
    assert shipped.labels == ("quality", "porn", "politics", "ads", "toxicity", "stem")
    assert shipped.max_tokens == 512
    assert shipped.tokenizer_path == DEFAULT / "tokenizer.json"
    assert len(shipped.fingerprint) == 64
    scores = shipped.score_ids(*_packed(_documents(0, 9, 700)))
    assert np.isfinite(scores).all()


def test_tables_of_a_card_are_replaced_and_its_prose_is_kept() -> None:
    metrics = json.loads((DEFAULT / "metrics.json").read_text())
    card = (
        "# A\n\n<!-- dev -->\nstale\n<!-- end -->\n\nprose\n\n<!-- thresholds -->\n<!-- end -->\n"
    )
    found = refreshed(card, metrics)
    assert found.startswith("# A\n\n<!-- dev -->\n| head |")
    assert table(metrics["dev"]) in found
    assert "stale" not in found
    assert "| porn | zh | above 0.570 | 0.30 | 0.01 |\n" in found
    assert "\n<!-- end -->\n\nprose\n" in found
    assert refreshed(found, metrics) == found
    with pytest.raises(ClassifierError, match="there is no such table"):
        refreshed("<!-- other -->\n<!-- end -->", metrics)
    assert set(TABLES) == {"dev", "unseen", "thresholds", "sources"}


def test_the_card_shows_the_figures_of_the_metrics() -> None:
    metrics = json.loads((DEFAULT / "metrics.json").read_text())
    card = (DEFAULT / "README.md").read_text()
    assert table(metrics["dev"]) in card
    assert all(data.may_train_on(name) for name in _licences(metrics))
    for source in metrics["training"]["sources"]:
        assert f"| {source} |" in card


def _licences(metrics: dict[str, dict[str, dict[str, dict[str, str]]]]) -> set[str]:
    found = {entry["license"] for entry in metrics["training"]["sources"].values()}
    return found - {"composed"}


@pytest.mark.skipif(SHARED is None, reason="SKYPILE_SHARED is not set")
def test_shipped_weights_still_tell_the_dev_labels_apart() -> None:
    documents = labelled_documents(Path(str(SHARED)) / "data", "dev", cross=False)
    documents = [doc for doc in documents if len(doc.text) < 2000][::12]
    result = evaluation(load("default", threads=1, device="cpu"), documents)
    assert mean_auc(result) > 0.8
    assert result["stem"]["en"]["auc"] > 0.85
