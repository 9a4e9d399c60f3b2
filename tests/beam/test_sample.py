"""The whole graph on the bundled sample: every planted case ends where it belongs."""

from __future__ import annotations

import re
from collections import Counter

import pyarrow.parquet as pq
import pytest

from skypile.recipe import load_recipe

WEIGHTS = {"en": 52.2, "zh": 39.6, "code": 8.0}


@pytest.fixture(scope="module")
def outcomes(built):
    columns = ["id", "record", "outcome", "reason", "duplicate_of", "domain", "reason_score"]
    return built.rows(columns)


def by_id(outcomes, pattern):
    return [row for row in outcomes if re.search(pattern, row["id"])]


def good(outcomes):
    """The documents of the sample that were written to be kept."""
    planted = r"dup|spam|boiler|repe|stub|wrong|lorem|adult|blank|empty|mojibake|stuffing|politics"
    rows = [row for row in outcomes if row["record"].startswith(("web-en", "web-zh"))]
    return [row for row in rows if not re.search(planted, row["id"])]


def test_read_equals_the_sum_of_outcomes(built, outcomes):
    ledger = built.manifest["ledger"]
    told = ledger["kept"] + ledger["surplus"]
    told += sum(ledger["rejected"].values()) + sum(ledger["error"].values())
    assert ledger["read"] == told == len(outcomes)
    assert Counter(row["outcome"] for row in outcomes)["kept"] == ledger["kept"]
    assert len({row["record"] for row in outcomes}) == len(outcomes)


def test_good_documents_are_kept_or_surplus(outcomes):
    rows = good(outcomes)
    assert len(rows) == 128
    lost = [(row["id"], row["reason"]) for row in rows if row["outcome"] not in ("kept", "surplus")]
    # Where a near copy is the longer one, it stays in the original's place.
    lost = [one for one in lost if one[1] not in ("near_duplicate", "exact_duplicate")]
    assert lost == []


def test_of_each_family_of_copies_exactly_one_stays(outcomes):
    rows = {row["record"]: row for row in outcomes}
    dropped = [row for row in outcomes if (row["reason"] or "").endswith("_duplicate")]
    # 3 exact and 4 near English, 3 exact and 5 near Chinese, 2 exact and 2 near code copies.
    assert len(dropped) >= 19
    for row in dropped:
        stays = rows[row["duplicate_of"]]
        assert not (stays["reason"] or "").endswith("_duplicate")
        assert row["reason_score"] >= 0.8


@pytest.mark.parametrize(
    ("pattern", "reasons"),
    [
        (r"wrong", {"wrong_language"}),
        (r"blank|empty-1$", {"empty"}),
        (r"mojibake", {"mojibake"}),
    ],
)
def test_planted_cases_end_with_their_reason(outcomes, pattern, reasons):
    rows = by_id(outcomes, pattern)
    assert rows
    assert {row["reason"] for row in rows} <= reasons


@pytest.mark.parametrize("pattern", ["stub", "repe", "boiler", "stuffing", "lorem"])
def test_planted_junk_is_rejected(outcomes, pattern):
    rows = by_id(outcomes, pattern)
    assert rows
    assert {row["outcome"] for row in rows} == {"rejected"}


def test_broken_records_are_errors_with_their_place(built, outcomes):
    assert built.manifest["ledger"]["error"] == {"bad_json": 7, "bad_text_type": 3, "bad_utf8": 2}
    error = pq.read_table(next((built.path / "error").glob("*.parquet"))).to_pylist()
    assert all(row["text"] is None and row["message"] and row["raw"] for row in error)
    assert all(row["byte_offset"] is not None for row in error)


def test_a_repeated_id_is_replaced_and_noted(built, outcomes):
    assert built.manifest["ledger"]["id_replaced"] == 1
    ids = Counter(row["id"] for row in outcomes)
    assert max(ids.values()) == 1


def test_shares_of_tokens_are_within_one_document_of_the_weights(built):
    mixture = built.manifest["mixture"]
    assert mixture["asked"]["weights"] == WEIGHTS
    assert mixture["asked"]["weights_sum"] == 99.8
    for domain, target in mixture["target_tokens"].items():
        found = mixture["reached"][domain]
        assert found["tokens"] <= target
        surplus = built.rows(["domain", "outcome", "tokens"])
        left = [r["tokens"] for r in surplus if r["outcome"] == "surplus" and r["domain"] == domain]
        if left:
            assert target - found["tokens"] < max(left)
    assert (
        mixture["reached"][mixture["scarcest"]]["tokens"]
        == (mixture["available_tokens"][mixture["scarcest"]])
    )


def test_stem_documents_stand_in_their_subset(built):
    rows = [r for r in built.rows(["subset", "stem", "outcome"]) if r["outcome"] == "kept"]
    assert {row["subset"] for row in rows} == {"main", "stem"}
    limit = load_recipe("web").mix.subset["stem"].min
    assert all((row["stem"] >= limit) == (row["subset"] == "stem") for row in rows)


def test_shards_are_what_the_manifest_says(built):
    import hashlib

    for shard in built.manifest["shards"] + built.manifest["left_out"]:
        path = built.path / shard["path"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == shard["sha256"]
        assert pq.read_metadata(path).num_rows == shard["documents"]


def test_binary_and_ignored_files_are_no_documents(outcomes):
    records = {row["record"] for row in outcomes}
    assert not [r for r in records if r.startswith(("tea-shop/build", "tea-shop/debug"))]
    assert not [r for r in records if "icon.png" in r]
    assert [r for r in records if r.endswith("app.min.js#0")]
