"""No recipe trains on what is judged, whatever it makes of a text and whichever copy it keeps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.pretrain.held_out import HASH_SPACE, Kept, held_out, judged

FRAC = 0.25


def kept(*rows: tuple[str, int]) -> Kept:
    records, hashes = zip(*rows, strict=True) if rows else ((), ())
    return Kept(tuple(records), np.array(hashes, np.uint64), ("en",) * len(rows))


# 16 texts, a quarter of which are in the first quarter of the space of hashes; 8 records.
TEXTS = st.integers(0, 15).map(lambda n: n * (1 << 60) + 7)
ROWS = st.lists(st.tuples(st.sampled_from("rstuvwxy"), TEXTS), max_size=8, unique_by=lambda r: r[0])


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=3))
def test_what_is_trained_on_shares_no_record_and_no_text_with_what_is_judged(recipes):
    given_ = {str(number): kept(*rows) for number, rows in enumerate(recipes)}
    held = held_out(given_, FRAC)
    texts = {text for one in held.documents for text in one.hashes}
    assert texts == held.hashes
    trained_texts, trained_records = set(), set()
    for rows in recipes:
        if not rows:
            continue
        records, hashes = zip(*rows, strict=True)
        free = ~held.masks(records, hashes)
        trained_texts |= set(np.array(hashes, object)[free])
        trained_records |= set(np.array(records)[free])
        # A text is held out under each recipe, for its hash alone.
        assert all(not free[i] for i, h in enumerate(hashes) if h / HASH_SPACE < FRAC)
    assert not trained_texts & texts and not trained_records & held.records
    # Documents are apart: no text is judged twice.
    assert sum(len(one.hashes) for one in held.documents) == len(texts)
    # Nothing is held out that does not hang together with a text that is, by its hash.
    for one in held.documents:
        assert any(text / HASH_SPACE < FRAC for text in one.hashes)


def test_versions_and_copies_are_one_document_and_say_who_keeps_them():
    low, other, rewritten = 9, 1 << 62, (1 << 63) + 5
    found = held_out(
        {
            "a": kept(("r1", low), ("r2", low), ("r3", other)),
            "b": kept(("r2", rewritten), ("r4", rewritten), ("r3", other)),
            "c": kept(("r3", other)),
        },
        0.1,
    )
    (one,) = found.documents
    assert (one.record, one.kept_by, one.hashes) == ("r1", ("a", "b"), (low, rewritten))
    assert found.records == {"r1", "r2", "r4"}
    assert found.masks(["r4", "r5", "r5"], [1 << 60, rewritten, other]).tolist() == [
        True, True, False,
    ]  # fmt: skip


def test_few_documents_are_judged_by_hash_and_thin_streams_are_not():
    rows = [(f"r{n}", n * 100 + 1) for n in range(40)]
    one = Kept(*zip(*rows, strict=True), ("zh",) * 3 + ("en",) * 37)
    one = Kept(one.records, np.array(one.hashes, np.uint64), one.streams)
    held = held_out({"a": one}, 0.5)
    chosen = judged(held, most=10, least=5)
    assert list(chosen) == ["en"]
    assert [document.hashes[0] for document in chosen["en"]] == [n * 100 + 1 for n in range(3, 13)]
