"""The rules of the default recipe, on texts of each kind and on real files."""

from __future__ import annotations

import json
from importlib import resources

import pytest
import yaml
import zstandard
from stage_batches import batch_of
from stage_texts import CHINESE, TEXTS

from skypile.curate import close, run_steps
from skypile.recipe import parse_recipe


@pytest.fixture(scope="module")
def recipe():
    """The recipe without the section that needs a model."""
    data = yaml.safe_load((resources.files("skypile") / "recipes" / "web.yaml").read_text("utf-8"))
    del data["score"], data["mix"]["subset"]
    return parse_recipe(yaml.safe_dump(data, allow_unicode=True), "web.yaml")


def reasons(recipe, texts, prog_langs=None):
    batch = batch_of(texts, prog_langs)
    full = batch.append_column("message", batch.column("reason"))
    return close(run_steps(full, recipe.steps)).column("reason").to_pylist()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("english", None), ("markdown", None), ("chinese", None), ("traditional", None),
        ("classical", None), ("mixed", None), ("python", None), ("python file", None), ("c", None),
        ("empty", "empty"), ("blank", "empty"), ("digits", "wrong_language"),
        ("german", "wrong_language"), ("russian", "wrong_language"), ("japanese", "wrong_language"),
        ("korean", "wrong_language"), ("casino", "betting"), ("menu", "no_punctuation"),
        ("repeated", "duplicate_paragraphs"), ("repeated chinese", "duplicate_lines"),
        ("table", "few_letters"),
    ],
)  # fmt: skip
def test_cases(recipe, name, reason):
    text, prog_lang = TEXTS[name]
    assert reasons(recipe, [text], [prog_lang]) == [reason]


def test_junk_made_of_good_text(recipe):
    stripped = "".join(char for char in CHINESE if char not in "，。、“”；：\n")
    broken = CHINESE.encode().decode("gbk", "replace")
    shouted = "".join(f"★{char}" if at % 20 == 0 else char for at, char in enumerate(CHINESE))
    numbers = "\n".join(f"第{at}行 12345.67 89012.34 56789.01 23456.78" for at in range(40))
    keywords = "港口，" * 200
    found = reasons(recipe, [stripped, broken, shouted, numbers, keywords])
    assert None not in found, found


def test_every_rule_names_its_source(recipe):
    assert all(rule.source for rule in recipe.rules)
    for domain in ("en", "zh", "code"):
        assert sum(rule.domain is None or domain in rule.domain for rule in recipe.rules) >= 12


GOOD = [
    ("en_books", "", 0.99), ("en_prose_nltk", "", 0.95), ("en_tech_lctt", "", 0.95),
    ("en_docs", "manpages-dev", 0.95), ("zh_tech_lctt", "", 0.97),
    ("zh_tech_goldminer", "", 0.97), ("zh_docs", "manpages-zh", 0.97),
    ("zh_hant", "manpages-zh", 0.97), ("zh_stem", "OI-wiki", 0.96),
    ("zh_classical", "", 0.95), ("zh_news", "THUCNews", 0.92), ("code", "", 0.85),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source", "wanted"), GOOD)
def test_good_files_are_kept(recipe, shared_data, name, source, wanted):
    with (shared_data / "corpus" / f"{name}.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    rows = [row for row in map(json.loads, lines) if source in row["source"]]
    texts = [row["text"] for row in rows[:: max(1, len(rows) // 500)]]
    kept = reasons(recipe, texts).count(None)
    assert kept >= wanted * len(texts)
