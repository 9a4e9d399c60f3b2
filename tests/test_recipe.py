from __future__ import annotations

import pytest

from skypile.errors import RecipeError
from skypile.recipe import load_recipe, parse_recipe, recipe_names

GOOD = """
name: small
steps:
  - stages: [tokens]
    rules: [{reason: short, column: tokens, min: 10, source: none}]
"""


def parsed(text: str):
    return parse_recipe(text, "small.yaml")


def test_every_recipe_of_the_package_loads_and_names_its_sources():
    assert "web" in recipe_names()
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.name == name
        assert all(rule.source for rule in recipe.rules)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD.replace("column: tokens", "column: token"), "did you mean 'tokens'"),
        (GOOD.replace("[tokens]", "[token]"), "did you mean 'tokens'"),
        (GOOD.replace("[tokens]", "[{stage: tokens, tokenisers: x}]"), "tokenisers"),
        (GOOD.replace("min: 10", "min: 10, max: 5"), "exactly one of min, max and in"),
        (GOOD.replace("min: 10", "minimum: 10"), "minimum"),
        (GOOD.replace("steps:", "stepps:"), "stepps"),
        (GOOD + "dedup: {bands: 20, rows: 8}\n", "20 bands of 8 rows"),
        (GOOD + "dedup: {bands: 20}\n", "bands is given alone"),
        (GOOD + "dedup: {threshold: x}\n", "dedup.threshold"),
        (GOOD + "dedup: {prefer: [chars_count]}\n", "needs an order"),
        (GOOD + "dedup: {prefer: [length, length]}\n", "stands twice"),
        (GOOD + "dedup: {prefer: [address, length]}\n", "address stands last"),
        (GOOD + "dedup: {prefer: [{column: tokns, order: asc}]}\n", "did you mean 'tokens'?"),
        (GOOD + "dedup: {prefer: [{column: url, order: asc}]}\n", "'url', which holds string"),
        (GOOD + "mix: {weights: {fr: 1}}\n", "en, zh, code"),
        (GOOD + "mix: {subset: {stem: {column: stem, min: 1}}}\n", "subset 'stem'"),
        (GOOD.replace("min: 10", "min: 10, domain: [en]"), "domain"),
        (GOOD.replace("min: 10", "in: [a]"), "holds int64; give min or max"),
        (GOOD.replace("column: tokens", "column: source"), "holds string; give in"),
        (GOOD.replace("min: 10", "min: .nan"), "which is no limit"),
        (GOOD.replace("reason: short", "reason: near_duplicate"), "choose another name"),
        (GOOD.replace("[tokens]", "[{stage: tokens, tokenizer: none.json}]"), "none.json"),
        ("steps: [", "not YAML"),
        ("- a\n", "a recipe is a mapping"),
    ],
)
def test_a_recipe_that_cannot_hold_is_refused_with_the_place(text, problem):
    with pytest.raises(RecipeError) as found:
        parsed(text)
    assert "small.yaml" in str(found.value)
    assert problem in str(found.value)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'web'"):
        load_recipe("wbe")
    with pytest.raises(RecipeError, match=r"nowhere\.yaml"):
        load_recipe("nowhere.yaml")


def test_fingerprints_tell_what_decides_and_nothing_else():
    recipe = parsed(GOOD)
    same = parsed(GOOD.replace("source: none", "source: Rae et al. 2021"))
    other = parsed(GOOD.replace("min: 10", "min: 11"))
    mixed = parsed(GOOD + "mix: {weights: {en: 1}}\n")
    assert recipe.fingerprint() == same.fingerprint() == mixed.fingerprint()
    assert recipe.fingerprint() != other.fingerprint()
    assert recipe.steps_fingerprint() != other.steps_fingerprint()
    assert recipe.score_fingerprint() == other.score_fingerprint()


def test_without_models_the_score_section_and_its_subsets_are_gone():
    recipe = load_recipe("web").without_models()
    assert recipe.score == ()
    assert recipe.mix is not None and recipe.mix.subset == {}
