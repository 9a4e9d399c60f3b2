"""Duplicates by URL, within sources only, and after scoring: a build and the filter agree."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from beam_corpus import Built, build, skypile

TEXT = (
    "river harvest signal copper winter ledger method garden station answer window theory market "
    "bridge paper engine island record season letter border silver teacher forest motion planet"
)
WORDS = TEXT.split()
RECIPE = {
    "name": "levels",
    "steps": [
        {
            "stages": ["counts", "language"],
            "rules": [{"reason": "language", "column": "domain", "in": ["en"], "source": "-"}],
        }
    ],
    "dedup": {
        "levels": ["url", "exact", "near"],
        "within": "source",
        "after": "score",
        "prefer": [{"column": "dup_line_frac", "order": "asc"}, "length"],
    },
    "score": [
        {
            "stages": ["tokens", "repetition"],
            "rules": [{"reason": "repeats", "column": "dup_line_frac", "max": 0.5, "source": "-"}],
        }
    ],
}


def sentences(seed: int, number: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=9)).capitalize() + "." for _ in range(number)]


def documents() -> list[dict[str, str]]:
    page, other, third = (sentences(seed, 12) for seed in (1, 2, 3))
    twice = [line for line in page for _ in range(3)]
    rows = {
        # The longest copy repeats itself and is rejected by its score: the plain one stays.
        "repeats": {"text": "\n".join(twice), "url": "http://a.b/1"},
        "plain": {"text": "\n".join(page), "url": "http://a.b/2"},
        "shorter": {"text": "\n".join(page)[:-12], "url": "http://a.b/3"},
        # Two states of one page; a third one is from another source.
        "old": {"text": "\n".join(other[:4]), "url": "https://www.c.d/page#top"},
        "new": {"text": "\n".join(other), "url": "http://c.d/page"},
        "theirs": {"text": "\n".join(third), "url": "http://c.d/page", "source": "theirs"},
        "copied": {"text": "\n".join(page), "url": "http://e.f/1", "source": "theirs"},
        "again": {"text": "\n".join(page), "source": "theirs"},
    }
    return [{"id": name, "source": "ours", **row} for name, row in rows.items()]


EXPECTED = {
    "repeats": ("rejected", "repeats", None),
    "plain": ("kept", None, None),
    "shorter": ("rejected", "near_duplicate", "docs.jsonl#1"),
    "old": ("rejected", "url_duplicate", "docs.jsonl#4"),
    "new": ("kept", None, None),
    "theirs": ("kept", None, None),
    "copied": ("kept", None, None),
    "again": ("rejected", "exact_duplicate", "docs.jsonl#6"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levels")
    lines = [json.dumps(row) for row in documents()]
    (path / "docs.jsonl").write_text("\n".join(lines) + "\n")
    (path / "levels.yaml").write_text(json.dumps(RECIPE))
    return path


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Built:
    recipe = ("--recipe", folder / "levels.yaml", "--mixture", "none")
    return build(folder / "out", *recipe, inputs=[folder / "docs.jsonl"])


def test_what_scores_reject_is_no_copy_that_stays(corpus: Built) -> None:
    names = ("id", "outcome", "reason", "duplicate_of")
    found = {row["id"]: tuple(row[n] for n in names[1:]) for row in corpus.rows(names)}
    assert found == EXPECTED
    score = {row["id"]: row for row in corpus.rows(["id", "reason_score", "reason_limit"])}
    assert score["old"]["reason_score"] is None and score["old"]["reason_limit"] is None
    assert score["shorter"]["reason_score"] >= 0.8 == score["shorter"]["reason_limit"]


def test_the_corpus_verifies_and_explains_a_url(corpus: Built) -> None:
    verified = skypile("verify", corpus.path)
    assert verified.returncode == 0, verified.stdout
    told = skypile("explain", corpus.path, "--id", "old").stdout
    assert "url_duplicate of docs.jsonl#4, which stays: their URLs name one page" in told


def test_the_filter_says_the_same(folder: Path, corpus: Built) -> None:
    rejected = folder / "rejected.jsonl"
    done = skypile(
        "filter", folder / "docs.jsonl", "--recipe", folder / "levels.yaml", "--dedup",
        "-o", folder / "kept.jsonl", "--rejected", rejected,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in rejected.read_text().splitlines()]
    found = {row["id"]: (row["outcome"], row["reason"], row.get("duplicate_of")) for row in rows}
    assert found == {name: row for name, row in EXPECTED.items() if row[0] == "rejected"}
    kept = [json.loads(line)["id"] for line in (folder / "kept.jsonl").read_text().splitlines()]
    assert kept == [name for name, row in EXPECTED.items() if row[0] == "kept"]


def test_the_command_dedup_has_the_levels(folder: Path) -> None:
    done = skypile(
        "dedup", folder / "docs.jsonl", "--output", folder / "unique", "--levels", "url",
        "--within", "site", "--pairs", folder / "pairs.parquet", "--prefer", "source,length",
        "--sources", "theirs,ours",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "unique" / "report.json").read_text())
    assert report["duplicates"] == {
        "exact": 0, "near": 0, "url": 2, "compared_exactly": 0, "families": 1, "largest_family": 3,
    }  # fmt: skip
    refused = skypile("dedup", folder / "docs.jsonl", "--output", folder / "x", "--levels", "near")
    assert refused.returncode == 2 and "--levels near: copies are near dup" in refused.stderr
    refused = skypile("dedup", folder / "docs.jsonl", "--output", folder / "x", "--levels", "page")
    assert refused.returncode == 2 and "there are url, exact, near" in refused.stderr


def test_what_an_earlier_corpus_holds_is_rejected_after_scoring_too(
    folder: Path, corpus: Built
) -> None:
    recipe = ("--recipe", folder / "levels.yaml", "--mixture", "none", "--against", corpus.path)
    again = build(folder / "again", *recipe, inputs=[folder / "docs.jsonl"])
    found = {row["id"]: row for row in again.rows(["id", "outcome", "reason", "duplicate_of"])}
    assert {row["outcome"] for row in found.values()} == {"rejected"}
    assert found["repeats"]["reason"] == "repeats" and found["repeats"]["duplicate_of"] is None
    for name, (outcome, _, stays) in EXPECTED.items():
        if name != "repeats":
            number = list(EXPECTED).index(name) if outcome == "kept" else int(stays[-1])
            assert found[name]["duplicate_of"] == f"against/docs.jsonl#{number}", name
    assert found["old"]["reason"] == "url_duplicate"
