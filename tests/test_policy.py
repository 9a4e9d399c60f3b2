from __future__ import annotations

import math

import pytest
from documents import batch_of
from pydantic import ValidationError

from skypile.policy import Rule, broken, decide
from skypile.schema import REJECTED

NAN = math.nan


@pytest.mark.parametrize(
    ("bound", "scores", "breaks"),
    [
        ({"min": 0.5}, [0.4, 0.5, 0.6, None, NAN], [True, False, False, True, True]),
        ({"max": 0.5}, [0.4, 0.5, 0.6, None, NAN], [False, False, True, True, True]),
        ({"min": 0}, [0.0, -0.0, -1.0, 1.0, NAN], [False, False, True, False, True]),
        ({"max": 0}, [0.0, -0.0, -1.0, 1.0, NAN], [False, False, False, True, True]),
    ],
)
def test_bounds_are_inclusive_and_a_missing_score_breaks(bound, scores, breaks):
    batch = batch_of(["x"] * 5, score=scores)
    assert broken(Rule(reason="r", column="score", **bound), batch).tolist() == breaks


def test_a_list_of_values_passes_only_what_it_names():
    batch = batch_of(["x"] * 3, language=["en", "fr", None])
    rule = Rule(**{"reason": "wrong_language", "column": "language", "in": ["en", "zh"]})
    assert broken(rule, batch).tolist() == [False, True, True]


def test_a_rule_is_tested_on_its_domains_only():
    batch = batch_of(["x"] * 3, score=[0.0, 0.0, 0.0], domain=["en", "zh", None])
    rule = Rule(reason="r", column="score", min=1, domain=("zh",))
    assert broken(rule, batch).tolist() == [False, True, False]


def test_the_first_broken_rule_is_the_reason_with_its_score_and_limit():
    batch = batch_of(["x"] * 3, a=[1.0, 9.0, 1.0], b=[1.0, 9.0, 9.0])
    rules = [Rule(reason="big_a", column="a", max=5), Rule(reason="big_b", column="b", max=6)]
    rows = decide(batch, rules).to_pylist()
    found = [(r["outcome"], r["reason"], r["reason_score"], r["reason_limit"]) for r in rows]
    assert found == [
        (None, None, None, None),
        (REJECTED, "big_a", 9.0, 5.0),
        (REJECTED, "big_b", 9.0, 6.0),
    ]


def test_an_outcome_once_set_is_never_changed():
    batch = batch_of(["x"] * 2, outcome=["error", None], reason=["bad_json", None], a=[None, None])
    rows = decide(batch, [Rule(reason="r", column="a", min=0)]).to_pylist()
    assert [(r["outcome"], r["reason"]) for r in rows] == [("error", "bad_json"), (REJECTED, "r")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min": 1, "max": 2},
        {"min": 1, "domain": ["fr"]},
        {"min": 1, "domain": []},
        {"min": 1, "maximum": 2},
    ],
)
def test_a_rule_that_cannot_be_is_refused(options):
    with pytest.raises(ValidationError):
        Rule(reason="r", column="c", **options)
