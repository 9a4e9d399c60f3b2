"""Differences between recipes, with intervals that hold documents and seeds alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skypile.errors import UsageError
from skypile.pretrain.compare import Scores, compared, taken
from skypile.pretrain.fitting import fitted, passes_of, with_tokens
from skypile.pretrain.run_config import parse_config
from skypile.pretrain.token_set import open_token_set

BYTES = np.full(400, 1 / math.log(2))  # a document of a nat has a bit per byte


def scores(recipes: list[float], seeds: np.ndarray, deviation: float) -> Scores:
    """Nats around the recipes' means, moved by seeds (recipes, seeds) and by documents."""
    noise = np.random.default_rng(0).normal(0, deviation, (len(recipes), 1, 400))
    noise -= noise.mean(axis=2, keepdims=True)
    return Scores(np.array(recipes)[:, None, None] + seeds[:, :, None] + noise, BYTES)


def test_the_interval_is_that_of_documents_where_seeds_agree():
    one = compared(["a", "b"], {"en": scores([2.0, 1.9], np.zeros((2, 3)), 0.5)})
    found = one["streams"]["en"]
    assert found["documents"] == 400
    assert found["bits_per_byte"]["a"]["value"] == pytest.approx(2.0)
    by = found["difference"]["b"]
    assert by["value"] == pytest.approx(-0.1)
    half = 1.96 * 0.5 * math.sqrt(2 / 400)
    assert (by["high"] - by["low"]) / 2 == pytest.approx(half, rel=0.1)
    assert one["average"]["difference"]["b"]["value"] == pytest.approx(by["value"])
    assert "a" not in found["difference"]


def test_the_interval_is_students_where_documents_agree():
    seeds = np.array([[0.0, 0.0, 0.0], [-0.1, 0.0, 0.1]])
    found = compared(["a", "b"], {"en": scores([2.0, 2.0], seeds, 0.0)})
    by = found["streams"]["en"]["difference"]["b"]
    # Student's t of two degrees of freedom: 4.303 standard errors.
    assert (by["high"] - by["low"]) / 2 == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=0.2)
    assert by["by_seed"] == pytest.approx([-0.1, 0.0, 0.1])


def test_what_seeds_share_between_recipes_is_no_difference():
    shared = np.array([[-0.5, 0.0, 0.5]] * 2)
    found = compared(["a", "b"], {"en": scores([2.0, 1.9], shared, 0.0)})["streams"]["en"]
    assert found["difference"]["b"]["high"] == pytest.approx(-0.1)
    assert found["bits_per_byte"]["a"]["high"] > 2.5


def test_streams_count_alike_in_the_average_and_thin_ones_are_left_out():
    both = {
        "en": scores([2.0, 1.0], np.zeros((2, 1)), 0.1),
        "zh": Scores(scores([1.0, 2.0], np.zeros((2, 1)), 0.1).nats[..., :6], BYTES[:6]),
    }
    average = compared(["a", "b"], both)["average"]["difference"]["b"]
    assert average["value"] == pytest.approx(0.0, abs=0.1)
    masks = {"en": np.arange(400) < 300, "zh": np.arange(6) < 4}
    assert {name: len(one.bytes_count) for name, one in taken(both, masks).items()} == {"en": 300}
    assert compared(["a", "b"], {}) == {"streams": {}, "average": None}


@pytest.fixture
def config(config_text):
    return parse_config(config_text, "the tests")


def test_tokens_and_warmup_are_scaled_by_stage(config):
    found = with_tokens(config, 12_288)
    assert [stage.tokens for stage in found.stages] == [7168, 5120]
    assert found.stages[0].lr.warmup_tokens == 2048
    assert with_tokens(config, None) is config


def test_sources_that_a_recipe_lacks_are_left_out_for_all(config, token_folder):
    tokens = open_token_set(token_folder)
    poor = type(tokens)(
        tokens.path, tuple(one for one in tokens.train if one.name != "code/main"),
        tokens.validation, tokens.vocabulary_count, tokens.facts,
    )  # fmt: skip
    found, lacking = fitted(config, {"rich": tokens, "poor": poor})
    assert lacking == {"code/main": ["poor"]}
    assert list(found.stages[0].mixture) == ["en/main", "zh/main"]
    assert "code/main" not in passes_of(found, {"rich": tokens})["rich"]
    empty = type(tokens)(tokens.path, (), (), tokens.vocabulary_count, tokens.facts)
    with pytest.raises(UsageError, match="no source of its mixture is there under every recipe"):
        fitted(config, {"rich": tokens, "empty": empty})


def test_more_repeats_than_allowed_are_refused_with_what_would_do(config, token_folder):
    tokens = open_token_set(token_folder)
    passes = passes_of(config, {"a": tokens})["a"]
    strict = config.model_copy(update={"max_repeats": max(passes.values()) / 2})
    with pytest.raises(UsageError) as refused:
        passes_of(strict, {"a": tokens})
    assert "recipe a keeps too little of" in str(refused.value)
    enough = int(str(refused.value).split("--tokens ")[1].split()[0])
    assert enough == 6144 // 2
    passes_of(with_tokens(strict, enough), {"a": tokens})
