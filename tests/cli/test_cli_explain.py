"""``skypile explain``: what decided, for every kind of outcome."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_runs import forked

from skypile.mix import order_keys, quality_bands
from skypile.stages.signature import Signature


def explain(call, corpus: Path, name: str) -> dict:
    done = call("explain", corpus, "--id", name, "--json")
    assert done.code == 0, done.err
    assert len(done.lines) == 1
    return done.records[0]


def rows(corpus: Path, outcome: str) -> list[dict]:
    folder = corpus / ("data" if outcome == "kept" else outcome)
    found = []
    for path in sorted(folder.rglob("*.parquet")):
        found += pq.read_table(path, partitioning=None).to_pylist()
    return found


def first(corpus: Path, reason: str) -> dict:
    return next(row for row in rows(corpus, "rejected") if row["reason"] == reason)


def test_a_kept_document_breaks_no_rule(call, corpus):
    told = explain(call, corpus, "survey")
    assert told["outcome"] == "kept" and told["file"].startswith("data/domain=en/")
    assert [rule["reason"] for rule in told["rules"]] == [
        "empty", "wrong_language", "too_short", "repeated_lines", "few_tokens",
    ]  # fmt: skip
    assert {rule["result"] for rule in told["rules"]} == {"passed"}


def test_a_rejected_document_shows_the_rule_that_decided(call, corpus):
    row = first(corpus, "too_short")
    told = explain(call, corpus, row["record"])
    results = {rule["reason"]: rule for rule in told["rules"]}
    assert results["too_short"]["result"] == "decided"
    assert (results["too_short"]["score"], results["too_short"]["limit"]) == (
        row["reason_score"], 30.0,
    )  # fmt: skip
    assert results["empty"]["result"] == "passed"
    assert results["repeated_lines"]["result"] == "not computed"
    assert results["few_tokens"]["result"] == "not computed"
    assert told["decided"].startswith(f"rejected: too_short: words_count is {row['words_count']}")


def test_a_document_of_another_language_shows_what_it_is(call, corpus):
    told = explain(call, corpus, first(corpus, "wrong_language")["record"])
    results = {rule["reason"]: rule["result"] for rule in told["rules"]}
    assert results["wrong_language"] == "decided"
    assert "too_short" not in results  # a rule of another domain


def test_a_duplicate_names_what_stays_and_how_alike_they_are(call, corpus):
    near, exact = first(corpus, "near_duplicate"), first(corpus, "exact_duplicate")
    told = explain(call, corpus, near["record"])["decided"]
    assert f"near_duplicate of {near['duplicate_of']}, which stays" in told
    assert f"{near['reason_score']:.4f}, the threshold 0.8" in told
    assert "it is kept" in told or "it is surplus" in told
    assert "normalised texts are equal" in explain(call, corpus, exact["record"])["decided"]


@pytest.mark.parametrize("domain", ["zh", "code"])
def test_surplus_shows_its_rank_and_the_cut(call, corpus, domain):
    manifest = json.loads((corpus / "manifest.json").read_text("utf-8"))
    good = [r for name in ("kept", "surplus") for r in rows(corpus, name) if r["domain"] == domain]
    texts = pa.RecordBatch.from_pydict({"text": pa.array([row["text"] for row in good])})
    keys = order_keys(Signature()(texts)["exact_hash"], manifest["mixture"]["seed"])
    quality = np.array([row["code_quality"] or 0.0 for row in good])
    bands = quality_bands(quality) if domain == "code" else np.zeros(len(good), int)
    order = np.lexsort((keys, bands))
    running = 0
    kept = manifest["mixture"]["reached"][domain]["documents"]
    for rank, at in enumerate(order):
        row = good[at]
        assert (row["outcome"] == "kept") == (rank < kept)
        if rank in (kept, len(good) - 1):
            told = explain(call, corpus, row["record"])
            assert told["place"]["documents_before"] == rank
            assert told["place"]["tokens_before"] == running
            assert f"number {rank + 1:,} in the order of {domain}" in told["decided"]
            assert f"the cut lies behind number {kept:,}" in told["decided"]
        running += row["tokens"]


def test_an_error_says_what_was_wrong_and_where(call, corpus):
    told = explain(call, corpus, "crawl-broken.jsonl#4")
    assert told["outcome"] == "error"
    assert told["decided"].startswith("error: bad_json: not JSON")
    assert "at byte" in told["decided"]


def test_an_id_that_occurred_twice_is_found_by_either_name(call, corpus):
    assert explain(call, corpus, "crawl-broken.jsonl#16")["head"]["id"] == "survey"
    assert explain(call, corpus, "crawl-broken.jsonl#17")["head"]["id"] == "crawl-broken.jsonl#17"


def test_people_get_a_table(call, corpus):
    out = call("explain", corpus, "--id", "survey").out.decode()
    assert out.startswith("kept: it breaks none of 5 rules")
    assert "words_count >= 30 (en)" in out
    assert "The survey of the northern slope" in out


def test_nothing_found_is_a_failure(call, corpus):
    done = call("explain", corpus, "--id", "nobody")
    assert (done.code, done.out) == (1, b"")
    assert "no document has the id or the record 'nobody'" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("surplus", ["ids", "none"])
def test_what_was_not_written_is_said(call, recipe_of_corpora, tmp_path, sample, surplus):
    out = tmp_path / "out"
    mixture = ("--mixture", "zh=1", "--tokens", 5000, "--surplus", surplus)
    inputs = (sample / "web-zh.jsonl", "--recipe", recipe_of_corpora, "--output", out)
    done = forked("build", *inputs, *mixture)
    assert done.code == 0, done.err
    assert call("verify", out, "--recount").code == 0
    if surplus == "none":
        left = json.loads((out / "manifest.json").read_text("utf-8"))["ledger"]["surplus"]
        done = call("explain", out, "--id", "nobody")
        assert f"{left} surplus documents were not written (--surplus=none)" in done.err
        return
    told = explain(call, out, rows(out, "surplus")[0]["record"])
    assert told["place"] is None and told["text"] is None
    assert "its rank is not known, since the corpus was built with --surplus=ids" in told["decided"]
    assert {rule["result"] for rule in told["rules"] if rule["column"] == "han_frac"} <= {
        "not computed"
    }
