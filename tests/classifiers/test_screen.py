"""A screen equals its twin, decides by its bounds, and is refused where it is another's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import CHINESE, WORDS, write_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification, BertConfig

import classifiers
from classifiers import ClassifierError, checkpoint, screen, screen_bounds, screen_texts
from classifiers.screen_bounds import Aim
from classifiers.screen_model import Screen, Weights, load_screen, probabilities

_SPAM = WORDS[12:]


def _texts(count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        share = rng.choice([0.0, 0.0, 0.3, 1.0])
        size = int(rng.integers(1, 60))
        words = [rng.choice(_SPAM) if rng.random() < share else rng.choice(WORDS[:12])
                 for _ in range(size)]  # fmt: skip
        found.append(" ".join([*words, *rng.choice(list(CHINESE), 3)]))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT that has learnt to find spam, of which a screen is made by the command."""
    config = BertConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=20, pad_token_id=0, num_labels=2,
        id2label={0: "ads", 1: "LABEL_1"}, label2id={"ads": 0, "LABEL_1": 1},
        problem_type="multi_label_classification", initializer_range=0.4,
    )  # fmt: skip
    made = write_checkpoint(tmp_path_factory.mktemp("screened") / "m", config)
    scorer = classifiers.load(made, device="cpu", threads=1)
    torch.manual_seed(0)
    ids_BT = torch.randint(5, 64, (512, 18))
    is_spam_B = ((ids_BT >= 17) & (ids_BT < 27)).float().mean(dim=1)
    is_town_B = (ids_BT == 8).any(dim=1)
    labels_BL = torch.stack([is_spam_B > 0.2, is_town_B], dim=1).float()
    optimizer = torch.optim.Adam(scorer.model.parameters(), lr=0.01)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            scorer.model(ids_BT).logits, labels_BL
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scorer.model.save_pretrained(made)
    lines = [json.dumps({"text": text, "source": "made up"}) for text in _texts(3000, 1)]
    (made.parent / "texts.jsonl").write_text("\n".join(lines), "utf-8")
    ranges = ["--range", "ads=0.3:0.7", "--range", "LABEL_1=0.5:0.5"]
    texts = str(made.parent / "texts.jsonl")
    assert screen.main(["--model", str(made), "--texts", texts, *ranges]) == 0
    return made


def _packed(folder: Path, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return np.concatenate([*ids, []]).astype(np.uint32), np.cumsum([0, *map(len, ids)])


def _weights(
    rng: np.random.Generator, entries: int = 9, width: int = 3, hidden: int = 5
) -> Weights:
    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(0, 1, shape).astype(np.float32)

    features = 2 * width + 2 + 2 * (4 + 1)
    return Weights(
        drawn(entries, width), drawn(entries, 2), drawn(entries, 2, 4), drawn(features, hidden),
        drawn(hidden), drawn(hidden, 2), drawn(features, 2), drawn(2),
    ).rounded()  # fmt: skip


def _twin(weights: Weights, ids: list[int]) -> np.ndarray:
    """The same in plain Python, in double precision."""
    rows = [weights.table_VD[one].astype(float) for one in ids]
    zero = np.zeros(weights.table_VD.shape[1])
    mean = sum(rows, zero) / max(len(rows), 1)
    largest = np.max(rows, axis=0) if rows else zero
    length = [np.log(1 + len(ids)) / 4, 8 / (len(ids) + 8)]
    weights_NH = np.exp(weights.log_weight_VH[ids].astype(float))
    sums_H = weights_NH.sum(axis=0)
    values_NHC = weights.value_VHC[ids].astype(float)
    found_HC = (values_NHC * weights_NH[:, :, None]).sum(axis=0) / np.maximum(sums_H, 1e-6)[:, None]
    features = np.concatenate(
        [3 * mean, largest, length, 2 * found_HC.ravel(), np.log1p(sums_H) / 4]
    )
    hidden = np.maximum(features @ weights.first_FK + weights.first_K, 0)
    return hidden @ weights.second_KL + features @ weights.skip_FL + weights.second_L


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 8), max_size=30), max_size=6), st.integers(0, 99))
def test_estimates_equal_those_of_plain_python(windows: list[list[int]], seed: int) -> None:
    weights = _weights(np.random.default_rng(seed))
    ids = np.array([one for window in windows for one in window], np.uint32)
    lengths = np.array([len(window) for window in windows], np.int64)
    starts = np.cumsum(lengths) - lengths
    for activation in ("sigmoid", "softmax"):
        made = Screen(weights, activation, np.zeros(2, np.float32), np.ones(2, np.float32), {})
        found = made.estimates(ids, starts, lengths)
        assert found.shape == (len(windows), 2) and found.dtype == np.float32
        if windows:
            logits = np.array([_twin(weights, window) for window in windows])
            want = probabilities(logits.astype(np.float32), activation)
            np.testing.assert_allclose(found, want, atol=2e-5)
            # A row is a function of its window alone, to the last bit.
            last = made.estimates(ids, starts[-1:], lengths[-1:])
            assert last.tobytes() == found[-1:].tobytes()


def test_an_id_of_another_tokenizer_is_refused() -> None:
    weights = _weights(np.random.default_rng(0))
    made = Screen(weights, "sigmoid", np.zeros(2, np.float32), np.ones(2, np.float32), {})
    with pytest.raises(ClassifierError, match="id 9: the screen knows 9"):
        made.estimates(np.array([9], np.uint32), np.array([0]), np.array([1]))


def test_the_screen_decides_what_is_clear_and_bert_the_rest(folder: Path) -> None:
    both = classifiers.load(folder, device="cpu", threads=1)
    alone = classifiers.load(folder, device="cpu", threads=1, cascade=False)
    assert both.fingerprint == alone.fingerprint and alone.screen is None
    assert both.screen is not None
    texts = [*_texts(300, 2), ""]
    ids, offsets = _packed(folder, texts)
    found, want = both.start(ids, offsets)(), alone.start(ids, offsets)()
    assert found.count.tolist() == want.count.tolist() == want.scored.tolist()
    passed = found.scored == found.count
    decided = found.scored == 0
    assert passed.sum() > 20 and decided.sum() > 20
    np.testing.assert_allclose(found.pooled[passed], want.pooled[passed], atol=1e-5)
    # By hand: a decided document's windows are outside the bounds of every label.
    low, high = both.screen.low_L, both.screen.high_L
    at = int(np.flatnonzero(decided & (found.count == 1))[0])
    window = (offsets[at : at + 1], np.diff(offsets)[at : at + 1])
    estimate = both.screen.estimates(ids, *window)[0]
    assert ((estimate < low) | (estimate > high)).all()
    np.testing.assert_array_equal(found.pooled[at], estimate)
    # Flags within the aim are the model's own, but for few.
    figures = both.screen.told["figures"]["test"]
    aimed = [row for row in figures["heads"]["ads"] if row["aimed"]]
    assert {row["threshold"] for row in aimed} == {0.3, 0.5, 0.7}
    assert sum(row["flagged"] for row in aimed) > 100
    assert sum(row["lost"] + row["gained"] for row in aimed) <= 0.05 * figures["windows"]
    flags = (found.pooled[:, 0] >= 0.5) != (want.pooled[:, 0] >= 0.5)
    assert flags.sum() <= 3


def test_company_changes_nothing_that_the_screen_decides(folder: Path) -> None:
    both = classifiers.load(folder, device="cpu", threads=1)
    texts = _texts(40, 3)
    whole = both.start(*_packed(folder, texts))()
    parts = [both.start(*_packed(folder, part))() for part in (texts[:7], [], texts[7:])]
    assert np.concatenate([one.scored for one in parts]).tolist() == whole.scored.tolist()
    pooled = np.concatenate([one.pooled for one in parts])
    decided = whole.scored == 0
    assert pooled[decided].tobytes() == whole.pooled[decided].tobytes()
    np.testing.assert_allclose(pooled, whole.pooled, atol=1e-5)


def test_the_same_texts_and_seed_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "m")
    (copy / "screen.json").unlink()
    args = ["--texts", str(folder.parent / "texts.jsonl"), "--range", "ads=0.3:0.7"]
    assert screen.main(["--model", str(copy), *args, "--range", "LABEL_1=0.5:0.5"]) == 0
    for name in checkpoint.SCREEN_FILES:
        assert (copy / name).read_bytes() == (folder / name).read_bytes()


def test_a_screen_of_other_weights_or_another_version_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "m")
    model = AutoModelForSequenceClassification.from_pretrained(copy)
    with torch.no_grad():
        model.classifier.bias += 1
    model.save_pretrained(copy)
    with pytest.raises(ClassifierError, match=r"other weights.*python -m classifiers\.screen"):
        classifiers.load(copy, device="cpu")
    assert classifiers.load(copy, device="cpu", cascade=False).screen is None
    same = shutil.copytree(folder, tmp_path / "same")
    told = json.loads((same / "screen.json").read_text())
    (same / "screen.json").write_text(json.dumps(told | {"version": 0}))
    with pytest.raises(ClassifierError, match="is of version 0, read is 2"):
        load_screen(same)
    (same / "screen.json").unlink()
    with pytest.raises(ClassifierError, match="its screen cannot be read"):
        load_screen(same)
    (same / "screen.safetensors").unlink()
    assert load_screen(same) is None


def test_bounds_lose_no_more_than_they_may() -> None:
    rng = np.random.default_rng(5)
    logits_WL = rng.normal(-2, 3, (20_000, 2))
    scores_WL = 1 / (1 + np.exp(-logits_WL))
    estimates_WL = 1 / (1 + np.exp(-(logits_WL + rng.normal(0, 1, logits_WL.shape))))
    wanted = [Aim(0.3, 0.9), Aim(0.01, 0.1, is_below=True)]
    kinds_W = np.where(np.arange(20_000) < 18_000, "many", "few")
    low_L, high_L = screen_bounds.fitted(estimates_WL, scores_WL, wanted, 0.04, kinds_W)
    assert (low_L <= [np.float32(0.3), np.float32(0.01)]).all()
    assert (high_L >= [np.float32(0.9), np.float32(0.1)]).all()
    is_clear = screen_bounds.clear(estimates_WL, low_L, high_L).all(axis=1)
    assert 0.2 < is_clear.mean() < 0.8
    now_WL = np.where(is_clear[:, None], estimates_WL, scores_WL)
    figures = screen_bounds.flag_figures(scores_WL, now_WL, ["a", "b"], wanted)
    for rows in figures.values():
        for row in rows:
            if row["aimed"]:
                assert row["lost"] <= 0.04 * row["flagged"]
                assert row["gained"] <= 0.04 * row["flagged"]
    assert any(row["lost"] for rows in figures.values() for row in rows)


def test_bounds_hold_for_each_kind_of_text() -> None:
    rng = np.random.default_rng(6)
    logits_WL = rng.normal(0, 3, (20_000, 1))
    kinds_W = np.where(np.arange(20_000) < 19_000, "easy", "hard")
    noise_WL = rng.normal(0, 1, logits_WL.shape) * np.where(kinds_W == "hard", 1.5, 0.2)[:, None]
    scores_WL, estimates_WL = (1 / (1 + np.exp(-x)) for x in (logits_WL, logits_WL + noise_WL))
    wanted = [Aim(0.5, 0.5)]

    def lost(kinds_W: np.ndarray) -> float:
        bounds = screen_bounds.fitted(estimates_WL, scores_WL, wanted, 0.02, kinds_W)
        is_clear_W = screen_bounds.clear(estimates_WL, *bounds)[:, 0]
        flagged_W = (scores_WL[:, 0] >= 0.5) & is_hard_W
        return float((flagged_W & is_clear_W & (estimates_WL[:, 0] < 0.5)).sum() / flagged_W.sum())

    is_hard_W = kinds_W == "hard"
    assert lost(kinds_W) <= 0.02 < lost(np.full(20_000, "one"))


def test_what_may_be_lost_is_the_end_of_an_interval() -> None:
    from math import comb

    def at_most(lost: int, count: int, share: float) -> float:
        return sum(
            comb(count, one) * share**one * (1 - share) ** (count - one) for one in range(lost + 1)
        )

    for count, share in ((0, 0.005), (100, 0.005), (700, 0.005), (3000, 0.005), (50, 0.3)):
        lost = screen_bounds.may_be_lost(count, share)
        assert lost == 0 or at_most(lost, count, share) <= 0.05
        assert at_most(lost + 1, count, share) > 0.05
    assert 4_880 < screen_bounds.may_be_lost(1_000_000, 0.005) < 4_890


def test_ranges_are_checked_and_known_labels_have_their_own() -> None:
    found = screen_bounds.aims(["quality", "Porn", "x"], ["x=-0.1:0.2"])
    assert found == {"quality": Aim(0.002, 0.01, True), "Porn": Aim(0.5, 0.9),
                     "x": Aim(0.1, 0.2, True)}  # fmt: skip
    for wrong in ("y=0.1:0.2", "x=0.2:0.1", "x=0.1", "x=0:0.5"):
        with pytest.raises(ClassifierError, match=f"--range {wrong}: "):
            screen_bounds.aims(["x"], [wrong])


def test_texts_are_drawn_by_the_root_of_their_sources(folder: Path) -> None:
    texts = [screen_texts.Text(f"town {n}", "large") for n in range(6400)]
    texts += [screen_texts.Text(f"water {n}", "small") for n in range(400)]
    found = screen_texts.drawn(texts * 2, folder / "tokenizer.json", room=18, tokens=2000, seed=0)
    counts = found.counts()
    assert 3 < counts["large"] / counts["small"] < 5
    shares = [float((found.parts == name).mean()) for name in screen_texts.PARTS]
    np.testing.assert_allclose(shares, [0.65, 0.25, 0.1], atol=0.06)
    with pytest.raises(ClassifierError, match="too few for a screen"):
        screen_texts.drawn(texts[:20], folder / "tokenizer.json", room=18, tokens=9, seed=0)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"body": "b"}\n')
    with pytest.raises(ClassifierError, match=r"a\.jsonl: row 2: cannot be read"):
        screen_texts.file_texts([path])
    with pytest.raises(ClassifierError, match="cannot be read"):
        screen_texts.file_texts([tmp_path / "none.parquet"])


def test_regression_values_get_no_screen(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = BertConfig(
        vocab_size=64, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=20, pad_token_id=0, num_labels=1,
    )  # fmt: skip
    folder = write_checkpoint(tmp_path / "m", config)
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in _texts(200, 4)))
    assert screen.main(["--model", str(folder), "--texts", str(path)]) == 1
    assert "is a regression value" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "chosen", "want"),
    [
        ({}, {}, ("max", "mean")),
        ({"LABEL_1": "Porn"}, {}, ("max", "max")),
        ({"ads": "shop"}, {}, ("max", "mean")),
        ({"ads": "shop"}, {"shop": "mean"}, ("mean", "mean")),
        ({"ads": "shop"}, {"ads": "mean"}, ("mean", "mean")),
    ],
)
def test_pooling_goes_by_either_name(names: dict, chosen: dict, want: tuple) -> None:
    assert checkpoint.pooling(("ads", "LABEL_1"), chosen, names) == want


def test_pooling_by_both_names_must_agree() -> None:
    with pytest.raises(ClassifierError, match="is both max and mean"):
        checkpoint.pooling(("ads",), {"ads": "max", "shop": "mean"}, {"ads": "shop"})
