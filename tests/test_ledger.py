from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from documents import batch_of

from skypile.errors import RunError
from skypile.ledger import Ledger, nothing_removed, outcome_counts, removed_chars

COUNTS = Counter(
    {
        ("kept", None, "en"): 5,
        ("surplus", None, "zh"): 2,
        ("rejected", "short", "zh"): 1,
        ("rejected", "wrong_language", None): 3,
        ("error", "bad_json", None): 1,
    }
)


def test_outcomes_are_counted_by_reason_and_domain():
    batch = batch_of(
        ["x"] * 4,
        outcome=["kept", "kept", "rejected", None],
        reason=[None, None, "short", None],
        domain=["en", "en", "zh", None],
    )
    assert outcome_counts(batch) == {
        ("kept", None, "en"): 2,
        ("rejected", "short", "zh"): 1,
        (None, None, None): 1,
    }
    assert outcome_counts(batch.slice(0, 0)) == {}


def test_a_balanced_ledger_says_what_became_of_every_record():
    ledger = Ledger(read=12, counts=COUNTS)
    ledger.check("here")
    assert ledger.to_json() == {
        "read": 12,
        "kept": 5,
        "surplus": 2,
        "rejected": {"wrong_language": 3, "short": 1},
        "error": {"bad_json": 1},
        "by_domain": {
            "en": {"kept": 5},
            "none": {"error": 1, "rejected": 3},
            "zh": {"rejected": 1, "surplus": 2},
        },
        "id_replaced": 0,
    }
    assert any("wrong_language" in line for line in ledger.lines())


def test_characters_taken_out_are_summed_by_column_and_told_where_there_are_such_columns():
    columns = {
        "a_removed_chars": pa.array([3, None, 4]),
        "pii_replaced_chars": pa.array([0, 0, 5]),
        "a_removed_lines_count": pa.array([1, 1, 1]),
        "b_removed_chars": pa.array([0.5, 0.5, 0.5]),
    }
    batch = pa.RecordBatch.from_pydict(columns)
    assert removed_chars(batch) == {"a_removed_chars": 7, "pii_replaced_chars": 5}
    names = nothing_removed({field.name: field.type for field in batch.schema})
    assert dict(names) == {"a_removed_chars": 0, "pii_replaced_chars": 0}
    ledger = Ledger(read=12, counts=COUNTS, removed_chars=names)
    assert ledger.to_json()["removed_chars"] == {"a_removed_chars": 0, "pii_replaced_chars": 0}
    ledger.removed_chars.update(removed_chars(batch))
    assert ledger.to_json()["removed_chars"] == {"a_removed_chars": 7, "pii_replaced_chars": 5}
    assert "7 characters were taken out of texts (a_removed_chars)" in ledger.lines()


@pytest.mark.parametrize("read", [11, 13])
def test_a_record_too_many_or_too_few_fails(read):
    with pytest.raises(RunError, match=r"does not balance.*records read"):
        Ledger(read=read, counts=COUNTS).check("here")


def test_a_document_without_an_outcome_fails():
    counts = COUNTS + Counter({(None, None, "en"): 1})
    with pytest.raises(RunError, match="no known outcome"):
        Ledger(read=13, counts=counts).check("here")
