"""Figures against plain counts, splits by group, soft labels, and what a run refuses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from checkpoints import write_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, ElectraConfig, ModernBertConfig, RobertaConfig

from classifiers import ClassifierError, calibration, measures
from classifiers.finetune import Ids, Settings, Tuning, teacher_labels
from classifiers.labelled import Labelled, check_heads, drawn_rows, split_of
from classifiers.measures import Platt
from classifiers.model import load, model_of
from classifiers.outputs import fold, output_layer, with_heads
from classifiers.steps import masked_loss
from classifiers.unlabelled import _known, warm_up
from skypile.tokens import load_encoder

SCORED = st.lists(
    st.tuples(st.integers(0, 6).map(lambda at: at / 6), st.booleans()), min_size=1, max_size=30
)


def arrays(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


@given(SCORED)
@settings(deadline=None, max_examples=40)
def test_average_precision_and_cuts_equal_counts_over_every_threshold(rows) -> None:
    scores, positive = arrays(rows)
    all_positives = sum(positive)
    found, before, cuts = 0.0, 0, []
    for threshold in sorted(set(scores.tolist()), reverse=True):
        flagged = [label for score, label in rows if score >= threshold]
        hits = sum(flagged)
        found += (hits - before) / max(all_positives, 1) * hits / len(flagged)
        before = hits
        cuts.append((threshold, hits, len(flagged)))
    got = measures.average_precision(scores, positive)
    both = 0 < all_positives < len(rows)
    assert got == pytest.approx(found, abs=1e-12) if both else math.isnan(got)
    for wanted in (0.5, 0.9, 1.0):
        good = [one for one in cuts if one[1] and one[1] >= wanted * one[2]]
        cut = measures.cut_for(scores, positive, wanted)
        assert (cut is None) == (not good)
        if cut is not None:
            assert (cut.threshold, cut.hits, cut.flagged) == good[-1]
            assert (cut.positives, cut.rows) == (all_positives, len(rows))


def test_wilsons_interval_is_that_of_the_tables() -> None:
    # Newcombe 1998, table I, method 3.
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                   (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert measures.wilson(hits, count) == pytest.approx((low, high), abs=1e-4)
    assert measures.wilson(0, 0) == (0, 1)


def test_platt_finds_the_slope_and_offset_that_labels_were_drawn_by() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(float)
    fit = measures.platt(logits, labels)
    assert fit is not None
    assert (fit.slope, fit.offset) == pytest.approx((0.5, -1), abs=0.06)
    # No small change of either is better: the twin of Newton's method.
    targets = np.where(labels == 1, (labels.sum() + 1) / (labels.sum() + 2),
                       1 / ((labels == 0).sum() + 2))  # fmt: skip
    best = measures.log_loss(fit.logits(logits), targets)
    for slope, offset in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        moved = Platt(fit.slope + slope, fit.offset + offset)
        assert measures.log_loss(moved.logits(logits), targets) > best
    separable = measures.platt(np.repeat([-1.0, 1.0], 12), np.repeat([0.0, 1.0], 12))
    assert separable is not None
    assert 1 < separable.slope < 5
    assert measures.platt(np.arange(40.0), np.repeat([1.0, 0.0], 20)) is None  # upside down
    assert measures.platt(np.arange(12.0), np.repeat([1.0, 0.0], [3, 9])) is None  # too few


def test_a_bootstrap_over_groups_is_wider_than_over_rows_that_are_copies() -> None:
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.random(12), 20)
    positive = np.repeat(rng.random(12) < 0.5, 20)
    groups, rows = np.repeat(np.arange(12), 20), np.arange(240)
    by_group = measures.bootstrap(
        measures.auc, scores, positive, groups, np.random.default_rng(1), 100
    )
    by_row = measures.bootstrap(measures.auc, scores, positive, rows, np.random.default_rng(1), 100)
    assert by_group is not None
    assert by_row is not None
    assert by_group[1] - by_group[0] > 2 * (by_row[1] - by_row[0])


def rows_of(labels: list[list[float]], groups: list[str], **columns: object) -> Labelled:
    count = len(groups)
    given = {
        "texts": tuple(f"text {at}" for at in range(count)), "languages": ("en",) * count,
        "sources": tuple(groups), "licenses": ("CC0-1.0",) * count,
        "families": np.arange(count), "heads": tuple(f"head{at}" for at in range(len(labels[0]))),
    }  # fmt: skip
    return Labelled(
        labels=np.array(labels, dtype=np.float32), groups=tuple(groups), **given | columns
    )


@given(
    st.lists(st.tuples(st.integers(0, 14), st.sampled_from([0.0, 1.0, 0.2, 0.7, math.nan])),
             min_size=40, max_size=120),
    st.integers(0, 5),
)  # fmt: skip
@settings(deadline=None, max_examples=10)
def test_a_split_keeps_groups_whole_and_gives_each_split_both_classes(drawn, seed) -> None:
    rows = rows_of([[label] for _, label in drawn], [f"site{group}" for group, _ in drawn])
    try:
        split = split_of(rows, 0.2, 0.2, seed)
    except ClassifierError as error:
        # Groups in a row of three each would do; so it is scarce where none is found.
        assert "head0 has no row" in str(error)
        having = [{g for g, y in drawn if y == y and (y >= 0.5) == k} for k in (False, True)]
        assert min(map(len, having)) < 5
        return
    again = split_of(rows, 0.2, 0.2, seed)
    assert np.array_equal(split.numbers, again.numbers)
    parts = [set(np.array(rows.groups)[split.numbers == number]) for number in range(3)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    for number in range(3):
        inside = split.numbers == number
        assert (rows.positive(0) & inside).any()
        assert (rows.known(0) & ~rows.positive(0) & inside).any()


def test_the_languages_of_a_head_come_into_every_split_where_groups_allow_it() -> None:
    labels, groups, languages = [], [], []
    for at in range(48):
        labels.append([float(at % 2)])
        groups.append(f"{at % 4 // 2}{at % 2}-{at // 8}")
        languages.append("zh" if at % 4 // 2 else "en")
    rows = rows_of(labels, groups, languages=tuple(languages))
    split = split_of(rows, 0.2, 0.2, 0)
    met = {(int(n), languages[at], labels[at][0]) for at, n in enumerate(split.numbers)}
    assert len(met) == 12


def test_near_copies_stay_in_the_later_split_only() -> None:
    rows = rows_of([[float(at % 2)] for at in range(60)], [f"s{at % 10}" for at in range(60)])
    first = split_of(rows, 0.2, 0.2, 0)
    train, test = first.rows("train")[4], first.rows("test")[0]
    families = np.arange(60)
    families[train] = families[test]
    copied = rows_of(
        [[float(at % 2)] for at in range(60)], list(rows.groups), families=families
    )  # fmt: skip
    split = split_of(copied, 0.2, 0.2, 0)
    assert split.copies == 1
    assert split.numbers[train] == -1
    assert np.array_equal(np.delete(split.numbers, train), np.delete(first.numbers, train))


def test_what_cannot_be_split_or_told_apart_is_named() -> None:
    one_class = rows_of([[1.0, 0.0], [math.nan, 1.0]], ["a", "b"], heads=("porn", "ads"))
    with pytest.raises(ClassifierError, match="head porn: 0 rows with label 0 and 1 with label 1"):
        check_heads(one_class)
    with pytest.raises(ClassifierError, match="no rows to train on"):
        check_heads(rows_of([[1.0]], ["a"], heads=("porn",)).__class__(
            (), ("porn",), np.zeros((0, 1), np.float32), (), (), (), (), np.zeros(0, np.int64)
        ))  # fmt: skip
    scarce = rows_of(
        [[float(at in (1, 4))] for at in range(30)], [f"s{at % 10}" for at in range(30)]
    )
    with pytest.raises(
        ClassifierError, match=r"no row of 1 in \w+: 2 of 10 groups have one \(s1, s4\)"
    ):
        split_of(scarce, 0.2, 0.2, 0)


def test_small_sources_are_drawn_more_often_and_every_row_before_any_twice() -> None:
    sources = ["large"] * 90 + ["small"] * 10
    drawn = drawn_rows(sources, np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=100)
    # Square roots: 9.49 to 3.16, so 75 rows of the large source and 25 of the small one.
    assert (counts[:90].sum(), counts[90:].sum()) == (75, 25)
    assert counts[:90].max() == 1
    assert set(counts[90:]) == {2, 3}


def test_a_soft_label_is_the_mean_of_the_losses_of_both_classes() -> None:
    logits = torch.tensor([[0.7], [-1.2]], dtype=torch.float64)
    soft = masked_loss(logits, torch.tensor([[0.3], [0.8]], dtype=torch.float64))
    each = [
        -(y * math.log(1 / (1 + math.exp(-x))) + (1 - y) * math.log(1 - 1 / (1 + math.exp(-x))))
        for x, y in ((0.7, 0.3), (-1.2, 0.8))
    ]
    assert float(soft) == pytest.approx(sum(each) / 2)
    assert measures.log_loss(np.array([0.7, -1.2]), np.array([0.3, 0.8])) == pytest.approx(
        sum(each) / 2
    )


_SHAPE = {
    "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 24, "num_labels": 3, "pad_token_id": 1,
    "problem_type": "multi_label_classification", "id2label": {0: "a", 1: "porn", 2: "c"},
}  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [BertConfig(**_SHAPE), RobertaConfig(**_SHAPE), ElectraConfig(**_SHAPE, embedding_size=8),
     ModernBertConfig(**_SHAPE, cls_token_id=0, sep_token_id=2, bos_token_id=0, eos_token_id=2)],
    ids=lambda config: config.model_type,
)  # fmt: skip
def test_new_heads_keep_known_ones_and_calibration_becomes_weights(config, tmp_path) -> None:
    folder = write_checkpoint(tmp_path / "m", config)
    before = model_of(folder, dtype=torch.float32).eval()
    model = with_heads(model_of(folder, dtype=torch.float32), ["ads", "porn"]).eval()
    ids = torch.tensor([[0, 9, 12, 7, 2]])
    with torch.inference_mode():
        old, new = before(ids).logits[0], model(ids).logits[0]
        assert new[1] == pytest.approx(float(old[1]), abs=1e-6)
        fold(model, [Platt(2, -1), Platt(0.5, 3)])
        folded = model(ids).logits[0]
    np.testing.assert_allclose(
        folded, new * torch.tensor([2, 0.5]) + torch.tensor([-1, 3]), rtol=1e-4
    )
    model.save_pretrained(folder)
    assert model_of(folder, dtype=torch.float32).config.id2label == {0: "ads", 1: "porn"}


def test_thresholds_flag_as_a_rule_does_and_stand_beside_those_of_other_rows() -> None:
    rng = np.random.default_rng(3)
    labels = [[float(at % 3 == 0)] for at in range(60)]
    rows = rows_of(labels, [f"s{at}" for at in range(60)], languages=("en", "zh") * 30)
    scores = np.clip(rng.random((60, 1)) * 0.6 + 0.4 * np.array(labels), 0, 1)
    test, valid = np.arange(40), np.arange(40, 60)
    found = calibration.thresholds(scores[test], rows, test, (0.6, 0.9), (scores[valid], valid))
    assert set(found["head0"]) == {"all", "en", "zh"}
    for language, table in found["head0"].items():
        assert table
        for row in table:
            for name, chosen in (("", test), ("valid_", valid)):
                inside = [at for at in chosen if language in ("all", rows.languages[at])]
                flagged = [at for at in inside if round(scores[at, 0], 6) > row["threshold"]]
                hits = [at for at in flagged if labels[at][0] == 1]
                assert (row[f"{name}flagged"], row[f"{name}hits"]) == (len(flagged), len(hits))
            assert row["precision"] >= row["precision_wanted"]
            assert row["precision"] == round(row["hits"] / row["flagged"], 4)


def encode(tokenizer: Path, texts) -> Ids:
    found = load_encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    return Ids(found.ids, found.offsets)


class Silent:
    def step(self, share: float, loss: float) -> None:
        assert 0 <= share < 1

    def line(self, text: str) -> None:
        assert text


def test_a_teacher_is_mixed_by_halves_into_the_rows_to_train_on(tmp_path) -> None:
    folder = write_checkpoint(tmp_path / "teacher", BertConfig(**_SHAPE))
    texts = ("the bridge", "casino bonus", "town")
    rows = rows_of(
        [[1.0, 0.0], [math.nan, 1.0], [0.0, 0.0]],
        ["a", "b", "c"],
        heads=("porn", "ads"),
        texts=texts,
    )
    scorer = load(folder, device="cpu")
    ids = encode(folder / "tokenizer.json", texts)
    scores = scorer.score_ids(ids.ids, ids.offsets)[:, 1]
    cpu = torch.device("cpu")
    labels = teacher_labels(rows, np.array([0, 1]), str(folder), encode, cpu)
    assert labels[:, 0] == pytest.approx([0.5 + scores[0] / 2, scores[1], 0.0])
    assert labels[:, 1].tolist() == [0, 1, 0]  # the teacher has no such head
    other = rows_of([[1.0], [0.0]], ["a", "b"], heads=("stem",))
    with pytest.raises(ClassifierError, match="has a, porn, c, and the heads are stem: none of"):
        teacher_labels(other, np.array([0]), str(folder), encode, cpu)


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig])
def test_a_warm_up_changes_what_lies_below_the_outputs(kind, tmp_path) -> None:
    folder = write_checkpoint(tmp_path / "m", kind(**_SHAPE))
    rows = rows_of([[1.0], [0.0]], ["a", "b"], heads=("porn",))
    run = Settings(base=str(folder), rate=0.01, mlm_steps=30, batch_tokens=96, device="cpu")
    tuning = Tuning(rows, run, encode)
    head = output_layer(tuning.model)[2].weight.detach().clone()
    trunk = {name: part.clone() for name, part in tuning.model.base_model.state_dict().items()}
    texts = ["the bridge of the town " * 6, "casino bonus click win " * 6] * 4
    told = warm_up(tuning, texts, run, encode, Silent())
    assert told["last_loss"] < 0.8 * told["first_loss"]
    assert torch.equal(output_layer(tuning.model)[2].weight, head)
    name = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(tuning.model.base_model.state_dict()[name], trunk[name])
    with pytest.raises(ClassifierError, match="2 documents hold less than one row of"):
        warm_up(tuning, ["the", "a"], run, encode, Silent())


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"epochs": 0}, "--epochs 0: give 1 or more"),
        ({"rate": 0.0}, "--lr 0"),
        ({"valid_frac": 0.6, "test_frac": 0.5}, "--valid-frac 0.6 and --test-frac 0.5"),
        ({"precisions": (1.5,)}, "--precision 1.5"),
    ],
)
def test_settings_that_cannot_be_are_named(option, said) -> None:
    with pytest.raises(ClassifierError, match=said):
        Settings(**option)


def test_words_of_wordpiece_are_hidden_as_a_whole() -> None:
    from tokenizers import Tokenizer, models

    from classifiers.masking import unit_starts

    entries = ["[PAD]", "[MASK]", "play", "##ing", "##s", "the"]
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(entries)}))
    tokenizer.add_special_tokens(["[PAD]", "[MASK]"])
    known = _known(tokenizer, "[MASK]", torch.device("cpu"))
    starts = unit_starts(torch.tensor([[5, 2, 3, 2, 4, 5]]), known)
    assert starts.tolist() == [[True, True, False, True, False, True]]
    assert known.ordinary.tolist() == [2, 3, 4, 5]
