"""Each rule of the recipe `code` rejects a document that was made for it, and for its reason."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml
from documents import batch_of
from stage_texts import ENGLISH, GO, PYTHON, SHELL, SQL, C
from test_recipe_web import CODE

from skypile.curate import close, run_steps
from skypile.recipe import Recipe, load_recipe, parse_recipe

# Folder, text, language by name.
DOCUMENTS: dict[str, tuple[str, str, str | None]] = {
    "empty": ("src/a.py", " \n\u3000", "python"),
    "not_code": ("src/a.md", ENGLISH, "markdown"),
    "vendored": ("tides/third_party/clock/clock.py", PYTHON, "python"),
    **{reason: ("src/a", *document) for reason, document in CODE.items()},
}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """The recipe without what needs a tokenizer."""
    file = resources.files("skypile") / "recipes" / "code.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    del data["score"]
    return parse_recipe(yaml.safe_dump(data, allow_unicode=True), "code.yaml")


@pytest.fixture(scope="module")
def judged(recipe) -> list[dict[str, object]]:
    """Every document with its columns and its outcome."""
    names, texts, langs = zip(*DOCUMENTS.values(), strict=True)
    batch = batch_of(texts, prog_lang=langs, record=[f"{name}#0" for name in names])
    return close(run_steps(batch, recipe.steps)).to_pylist()


@pytest.mark.parametrize("at", range(len(DOCUMENTS)), ids=list(DOCUMENTS))
def test_the_rule_is_why_its_document_goes(recipe, judged, at):
    reason, row = list(DOCUMENTS)[at], judged[at]
    assert (row["outcome"], row["reason"]) == ("rejected", reason)
    rule = next(one for one in recipe.rules if one.reason == reason)
    assert row["reason_limit"] == rule.limit
    if rule.limit is not None:
        assert (row[rule.column] < rule.limit) is (rule.min is not None)


def test_every_rule_has_its_document(recipe):
    assert sorted(DOCUMENTS) == sorted(rule.reason for rule in recipe.rules)


def test_programs_are_kept_with_their_secrets_masked(recipe):
    key = "3f9a0c77d1e2b6485ad09c41"
    texts = [PYTHON, C, GO, SHELL, SQL, f'API_KEY = "{key}"\n{PYTHON}']
    names = ["python", "c", "go", "shell", "sql", None]
    rows = close(run_steps(batch_of(texts, prog_lang=names), recipe.steps)).to_pylist()
    assert [(row["outcome"], row["code_lang"]) for row in rows] == [
        ("kept", name) for name in (*names[:-1], "python")
    ]
    assert key not in rows[-1]["text"] and rows[-1]["secrets_count"] == 1
    assert [row["text"] for row in rows[:-1]] == texts[:-1]


def test_the_whole_recipe_loads_and_names_its_caps():
    mix = load_recipe("code").mix
    assert mix is not None and mix.weights == {"code": 1}
    assert mix.within["code"].column == "code_lang"
    assert sum(mix.within["code"].caps.values()) <= 0.12
