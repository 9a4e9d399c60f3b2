"""Votes to labels, what a person is asked, and what judgements change."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skypile.cli.main import run
from skypile.errors import RecipeError
from skypile.label.combine import Cast, cast, fitted, probabilities
from skypile.label.review import AUDIT, BORDER, Offered, Review
from skypile.label.spec import Head, LabelSpec, Vote, load_spec

VOTES = """
stages: [counts]
heads:
  thin:
    prior: 0.2
    votes:
      - {name: few_words, column: words_count, max: 6, label: true, confidence: 0.9, group: size}
      - {name: short, column: chars_count, max: 30, label: true, confidence: 0.8, group: size}
      - {name: shop, column: source, in: [shop, 店], label: true, confidence: 0.75}
      - {name: book, column: source, in: [book], label: false, confidence: 0.95}
"""

SHOP_ZH = (
    "便宜的鞋子，正品保证，欢迎选购，全场包邮，联系客服领取优惠券，数量有限，先到先得，只限今天"
)


def vote(name: str, label: bool, confidence: float, group: str | None = None) -> Vote:
    bound = {"column": "x", "min": 1.0}
    return Vote(name=name, label=label, confidence=confidence, group=group, **bound)


def naive(hits: list[bool], votes: tuple[Vote, ...], prior: float) -> float | None:
    """The twin: odds multiplied one by one."""
    if not any(hits):
        return None
    odds = prior / (1 - prior)
    best: dict[str, Vote] = {}
    for hit, one in zip(hits, votes, strict=True):
        if not hit:
            continue
        if one.group is None:
            odds *= (one.confidence / (1 - one.confidence)) ** (1 if one.label else -1)
        elif one.group not in best or best[one.group].confidence < one.confidence:
            best[one.group] = one
    for one in best.values():
        odds *= (one.confidence / (1 - one.confidence)) ** (1 if one.label else -1)
    return odds / (1 + odds)


def test_probabilities_are_those_of_bayes():
    votes = (
        vote("a", True, 0.9), vote("b", False, 0.7), vote("c", True, 0.8, "g"),
        vote("d", True, 0.6, "g"), vote("e", False, 0.95, "h"), vote("f", True, 0.95, "h"),
    )  # fmt: skip
    every = [[bool(bits >> at & 1) for at in range(6)] for bits in range(64)]
    found = probabilities(Cast(votes, np.array(every)), 0.3)
    for hits, value in zip(every, found.tolist(), strict=True):
        expected = naive(hits, votes, 0.3)
        assert math.isnan(value) if expected is None else value == pytest.approx(expected)


def test_votes_are_cast_within_bounds_and_domains():
    columns = {"x": [0.5, 1.0, None, float("nan"), 2.0], "domain": ["zh", "zh", "zh", "en", "en"]}
    batch = pa.RecordBatch.from_pydict(columns)
    plain = vote("a", True, 0.9)
    chinese = Vote(name="b", column="x", min=1, domain=["zh"], label=False, confidence=0.8)
    listed = Vote(name="c", column="domain", **{"in": ["en"]}, label=True, confidence=0.8)
    hits = cast(batch, Head(votes=(plain, chinese, listed))).hits
    assert hits.T.tolist() == [
        [False, True, False, False, True],
        [False, True, False, False, False],
        [False, False, False, True, True],
    ]


def test_judgements_move_a_confidence_by_their_number():
    head = Head(votes=(vote("a", True, 0.9), vote("b", False, 0.6)))
    spec = LabelSpec(name="s", stages=(), heads={"h": head, "i": head})
    hits = np.array([[True, False]] * 30 + [[True, True]] * 10)
    truth = np.array([True] * 15 + [False] * 25)
    moved, counts = fitted(spec, {"h": (Cast(head.votes, hits), truth)})
    assert counts == {"h": [(15, 40), (10, 10)], "i": [(0, 0), (0, 0)]}
    # (10 * .9 + 15) / 50 is below one half: such a vote says nothing, not the opposite.
    assert [one.confidence for one in moved.heads["h"].votes] == [0.5, pytest.approx(0.8)]
    assert moved.heads["i"] == head


def drawn(order: list[int], size: int = 8, seed: int = 0) -> list[tuple[str, str, float]]:
    rows = pa.RecordBatch.from_pydict({"text": [f"t{at}" for at in range(60)]})
    review = Review({"h": 2}, size, seed)
    for at in order:
        source = "ab"[at % 10 == 0]
        offered = Offered(at * 7919, source, at / 60, rows, at)
        review.add("h", offered, ["v"] if at % 2 else ["v", "w"])
    return [(asked.row["text"], asked.why, asked.probability) for asked in review.drawn()]


def test_what_is_drawn_depends_on_no_order_and_sources_take_turns():
    found = drawn(list(range(60)))
    assert found == drawn(list(range(60))[::-1]) == drawn([*range(30, 60), *range(60), 5, 5])
    assert found != drawn(list(range(60)), seed=1)
    audit = [row for row in found if row[1] == AUDIT]
    border = [row for row in found if row[1] == BORDER]
    assert len({row[0] for row in found}) == len(found) and 3 <= len(audit) <= 4
    assert len(border) == 4
    # The source "b" has every tenth document only, yet as many turns.
    assert sum(int(row[0][1:]) % 10 == 0 for row in border) == 2
    assert all(abs(row[2] - 0.5) < 0.25 for row in border)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"id": "a", "text": "buy now", "source": "shop"},
        {"id": "b", "text": "only five words in here", "source": "book"},
        {"id": "c", "text": "one two three four five six seven eight nine ten", "source": "web"},
        {"id": "d", "text": "tiny", "source": "web"},
        {"id": "e", "text": SHOP_ZH, "source": "店"},
        {"id": "f", "text": None},
    ]  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (tmp_path / "docs.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "votes.yaml").write_text(VOTES, "utf-8")
    return tmp_path


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def label(folder: Path, *args: object) -> int:
    given = ["label", folder / "docs.jsonl", "--votes", folder / "votes.yaml"]
    return run([str(arg) for arg in (*given, "-o", folder / "out.jsonl", *args)])


def test_label_review_judge_and_label_again(folder, capsys):
    assert label(folder, "--review", folder / "review.jsonl") == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(folder / "out.jsonl")
    assert "1 records could not be read" in told.err and "few_words" in told.err
    found = {row["id"]: row for row in rows_of(folder / "out.jsonl")}
    assert list(found) == ["a", "b", "d", "e"]
    assert found["a"]["votes"] == {"thin": ["few_words", "short", "shop"]}
    # 1/4 x 9 x 3: the weaker of the group counts nothing.
    assert found["a"]["thin"] == pytest.approx(6.75 / 7.75, abs=1e-6)
    assert found["b"]["thin"] == pytest.approx(9 / 85, abs=1e-6)
    assert found["d"]["thin"] is None  # 9/13 is below the margin of .7
    review = rows_of(folder / "review.jsonl")
    assert {row["id"] for row in review} == {"a", "b", "d", "e"}
    assert all(row["thin"] is None and "why" in row["asked"]["thin"] for row in review)

    for row in review:
        row["thin"] = row["id"] != "d"
    judged = folder / "judged.jsonl"
    judged.write_text("\n".join(json.dumps(row) for row in review) + "\n", "utf-8")
    assert label(folder, "--judged", judged, "--review", folder / "more.jsonl") == 0
    again = {row["id"]: row["thin"] for row in rows_of(folder / "out.jsonl")}
    assert again == {"a": 1.0, "b": 1.0, "d": 0.0, "e": 1.0}
    assert rows_of(folder / "more.jsonl") == []
    assert "0/1" in capsys.readouterr().err  # `book` was wrong on the one that was judged


@pytest.mark.parametrize(
    "change, told",
    [
        (("words_count, max", "word_count, max"), "did you mean 'words_count'"),
        (("confidence: 0.9,", "confidence: 0.4,"), "greater than 0.5"),
        (("name: short", "name: few_words"), "two votes are called 'few_words'"),
        (("  thin:", "  text:"), "a head cannot be called 'text'"),
        (("max: 6,", "max: 6, min: 2,"), "exactly one of min, max and in"),
        (("[counts]", "[normalize, counts]"), "rewrites the text"),
        (("stages: [counts]", "steps: [counts]"), "unknown key"),
        (("heads:", "heads: ["), "not YAML"),
    ],
)
def test_what_a_file_of_votes_may_not_say(tmp_path, change, told):
    path = tmp_path / "votes.yaml"
    path.write_text(VOTES.replace(*change), "utf-8")
    with pytest.raises(RecipeError, match=told):
        load_spec(str(path))


def test_bad_answers_are_named(folder, capsys):
    judged = folder / "judged.jsonl"
    judged.write_text('{"id": "a", "text": "buy now", "thin": "perhaps"}\n', "utf-8")
    assert label(folder, "--judged", judged) == 1
    assert "judged.jsonl#0: thin is 'perhaps'; write true, false or null" in capsys.readouterr().err
    judged.write_text('{"id": "a", "text": "buy now", "thin": null}\n', "utf-8")
    assert label(folder, "--judged", judged) == 1
    assert "no record answers thin by true or false" in capsys.readouterr().err
    assert label(folder, "--min-confidence", "0.2") == 2
    assert not (folder / "out.jsonl").exists()
