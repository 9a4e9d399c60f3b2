"""A build whose code is divided by programming language: what is kept, told and checked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from beam_corpus import SAMPLE, Built, build, skypile

RECIPE = """
name: divided
steps:
  - stages: [counts, language]
    rules: [{reason: wrong_language, column: domain, in: [en, zh, code]}]
score: [{stages: [tokens]}]
mix:
  weights: {code: 1}
  within: {code: {column: prog_lang, shares: {python: 0.5, go: 0.3}, caps: {json: 0.05}}}
"""


def tree(folder: Path) -> Path:
    """Files of five languages; go holds less than its share, json more than its cap."""
    for number in range(60):
        word = f"harbour{number * number}"
        files = {f"{word}.py": f"def {word}(tide):\n    return tide * {number} + 1\n" * 3,
                 f"{word}.json": json.dumps({word: list(range(number % 9))}) + "\n",
                 f"{word}.c": f"int {word}(int t)\n{{\n    return t - {number};\n}}\n"}  # fmt: skip
        if number < 4:
            files[f"{word}.go"] = f"package {word}\n\nfunc tide() int {{ return {number} }}\n"
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    base = tmp_path_factory.mktemp("shares")
    (base / "files").mkdir()
    files, recipe = tree(base / "files"), base / "divided.yaml"
    recipe.write_text(RECIPE, "utf-8")
    options = ["--recipe", recipe, "--tokens", "2000", "--seed", "3"]
    return [build(base / f"out{n}", *options, "--workers", n, inputs=[files]) for n in (1, 2)]


def test_each_language_has_its_share_or_all_it_holds(corpora):
    told = corpora[0].manifest["mixture"]["within"]["code"]
    pools = told["pools"]
    assert told["column"] == "prog_lang"
    assert list(pools) == ["code", "code:python", "code:go", "code:json"]
    go, json_ = pools["code:go"], pools["code:json"]
    assert go["tokens"] == go["available_tokens"] == go["target_tokens"] < 0.3 * 2000
    assert json_["cap_tokens"] == 100 < json_["available_tokens"] and json_["tokens"] <= 100
    # What go lacks is divided by 5 : 2 between Python and the rest.
    lacks = 2000 - go["tokens"]
    assert pools["code:python"]["target_tokens"] == lacks * 5 // 7
    assert pools["code"]["target_tokens"] == lacks * 2 // 7
    kept = Counter[str]()
    for row in corpora[0].rows(["prog_lang", "tokens", "outcome"]):
        kept[row["prog_lang"]] += row["tokens"] if row["outcome"] == "kept" else 0
    named = {f"code:{name}": kept[name] for name in ("python", "go", "json")}
    assert {name: pool["tokens"] for name, pool in pools.items()} == {"code": kept["c"], **named}
    assert pools["code"]["tokens"] + json_["tokens"] <= pools["code"]["target_tokens"]
    for name in ("code:python", "code"):
        together = pools[name]["tokens"] + (json_["tokens"] if name == "code" else 0)
        assert pools[name]["target_tokens"] - together < 60


def test_the_number_of_workers_changes_no_byte(corpora):
    assert corpora[0].same_bytes() == corpora[1].same_bytes()


def test_verify_counts_the_pools_again(corpora, tmp_path):
    one: Built = corpora[0]
    assert skypile("verify", one.path).returncode == 0
    manifest = one.manifest
    pools = manifest["mixture"]["within"]["code"]["pools"]
    pools["code:json"]["tokens"] += 1
    pools["code:go"]["target_tokens"] -= 5
    pools["code:python"]["target_tokens"] += 10**6
    copy = tmp_path / "copy"
    copy.mkdir()
    for folder in ("data", "surplus"):
        (copy / folder).symlink_to(one.path / folder)
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    done = skypile("verify", copy)
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "mixture: code:json: tokens: the manifest says" in told
    assert "mixture: code:go: 5 tokens more than its share" in told
    assert "mixture: code:python: leaves" in told


def test_explain_tells_the_place_in_the_pool(corpora):
    one: Built = corpora[0]
    rows = one.rows(["record", "prog_lang", "outcome"])
    wanted = next(r for r in rows if r["outcome"] == "surplus" and r["prog_lang"] == "json")
    told = json.loads(skypile("explain", one.path, "--id", wanted["record"], "--json").stdout)
    pool = one.manifest["mixture"]["within"]["code"]["pools"]["code:json"]
    assert told["place"]["pool"] == "code:json"
    assert told["place"]["target_tokens"] == 100
    assert told["place"]["kept_documents"] == pool["documents"]
    assert "in the order of code:json, behind" in told["decided"]


def test_documents_are_told_by_language_where_no_tokens_are_counted(tmp_path):
    code = [SAMPLE / "code"]
    corpus = build(tmp_path / "out", "--no-models", "--mixture", "none", inputs=code)
    pools = corpus.manifest["mixture"]["within"]["code"]["pools"]
    assert pools["code"]["documents"] > 20 and pools["code:json"]["documents"] > 0
    assert {pool["tokens"] for pool in pools.values()} == {0}
    done = skypile("verify", corpus.path)
    assert done.returncode == 0, done.stdout
