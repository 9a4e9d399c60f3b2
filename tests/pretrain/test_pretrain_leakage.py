"""Three losses and two differences, said to be off nought only where their intervals are."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from skypile.cli.main import run
from skypile.pretrain.leakage import LEAST_DOCUMENTS, differences, overlaps, reading


def losses(**means: float) -> dict[str, np.ndarray]:
    """400 losses of each set, of deviation 0.5."""
    draws = np.random.default_rng(1)
    spread = draws.normal(0, 0.5, (3, 400))
    spread -= spread.mean(axis=1, keepdims=True)
    return {name: mean + row for (name, mean), row in zip(means.items(), spread, strict=True)}


def test_differences_are_those_of_means_with_the_normal_interval():
    found = differences(losses(train=0.39, test=0.78, reference=1.29))
    assert found["L_train"]["value"] == pytest.approx(0.39)
    # Aquila2-34B in table 8 of the publication.
    assert found["delta1"]["value"] == pytest.approx(-0.51)
    assert found["delta2"]["value"] == pytest.approx(0.39)
    half = 1.96 * 0.5 * math.sqrt(2 / 400)
    for name in ("delta1", "delta2"):
        one = found[name]
        assert (one["high"] - one["low"]) / 2 == pytest.approx(half, rel=0.1)
        assert one["low"] < one["value"] < one["high"]


@pytest.mark.parametrize(
    ("means", "first", "second"),
    [
        ((0.39, 0.78, 1.29), "was trained on", "was fitted to it"),
        ((1.00, 1.01, 1.00), "Δ1 cannot be told", "Δ2 cannot be told"),
        ((1.60, 1.40, 1.20), "of another kind", "the harder one"),
    ],
)
def test_nothing_is_read_from_a_difference_that_may_be_nought(means, first, second):
    found = differences(losses(**dict(zip(("train", "test", "reference"), means, strict=True))))
    told = reading(found)
    assert first in told[0] and second in told[1]


def test_texts_that_differ_by_white_space_are_one():
    sets = {"train": ["a b", "x"], "test": [" a\nb ", "y"], "reference": ["x", "y", "z"]}
    assert overlaps(sets) == {
        ("train", "test"): {"a b"}, ("train", "reference"): {"x"}, ("test", "reference"): {"y"},
    }  # fmt: skip


def written(folder, **sets):
    for name, numbers in sets.items():
        rows = [{"question": f"What is {n} + {n}?", "answer": f"It is {2 * n}."} for n in numbers]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [part for name in sets for part in (f"--{name}", folder / f"{name}.jsonl")]


def test_the_command_scores_each_document_by_itself(models, tmp_path, capsys):
    files = written(tmp_path, train=range(30), test=range(28, 60), reference=range(100, 140))
    args = [*files, "--fields", "question", "answer", "--device", "cpu", "--quiet"]

    def leakage(*more: object) -> int:
        return run(["leakage", str(models[0]), *map(str, [*args, *more])])

    assert leakage() == 1
    assert "--train and --test have 2 texts in common" in capsys.readouterr().err
    assert leakage("--leave-out-common", "--json", tmp_path / "found.json") == 0
    found = json.loads((tmp_path / "found.json").read_bytes())
    assert found["left_out_common"] == {"train, test": 2}
    assert found["documents"] == {"train": 28, "test": 30, "reference": 40}
    assert found["delta1"]["value"] == found["L_test"]["value"] - found["L_reference"]["value"]
    # The documents of the reference, evaluated one by one.
    rows = [json.loads(line) for line in (tmp_path / "reference.jsonl").read_bytes().splitlines()]
    folder = tmp_path / "each"
    folder.mkdir()
    for number, row in enumerate(rows):
        text = f"{row['question']}\n{row['answer']}"
        (folder / f"{number:02}.jsonl").write_text(json.dumps({"text": text}))
    out = tmp_path / "each.json"
    given = [models[0], "--domains", folder, "--json", out, "--device", "cpu", "--quiet"]
    assert run(["evaluate", *map(str, given)]) == 0
    each = [one["nats"] / one["tokens"] for one in json.loads(out.read_bytes())["domains"].values()]
    assert found["L_reference"]["value"] == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize(
    ("sets", "more", "code", "sentence"),
    [
        ({"train": range(30), "test": range(40, 50), "reference": range(50, 80)}, [], 1,
         f"--test: 10 documents are left, too few for an interval; give {LEAST_DOCUMENTS}"),
        ({"train": range(30), "test": [], "reference": range(50, 80)}, [], 1,
         "--test: 0 documents are left"),
        ({"train": range(30), "test": range(40, 80), "reference": range(90, 120)},
         ["--fields", "prompt"], 1, "train.jsonl: line 1 has no string field prompt"),
        ({"train": range(30), "test": range(40, 80), "reference": range(90, 120)},
         ["--window", "1"], 2, "--window 1: give 2 or more"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_said(tmp_path, capsys, sets, more, code, sentence):
    args = ["leakage", "nowhere", *written(tmp_path, **sets), "--fields", "question", *more]
    assert run([*map(str, args), "--quiet"]) == code
    assert sentence in capsys.readouterr().err
