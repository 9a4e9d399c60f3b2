"""What holds for every stage: rows and order, splitting, any Unicode, and the golden scores."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_batches import REWRITING, STAGES, batch_of, needed, scored
from stage_texts import TEXTS

ALL = (*STAGES, *REWRITING)
GOLDEN = Path(__file__).parents[1] / "golden"
UNICODE = st.text(st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("\x00\u0301\u0378\ufffe\U0010ffff\ufeff\u200b。【】中 a\n\t{}"),
), max_size=80)  # fmt: skip
DOCUMENTS = st.lists(
    st.tuples(UNICODE | st.sampled_from([text for text, _ in TEXTS.values()]),
              st.sampled_from([None, "python", "json", "markdown"])), max_size=5,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.data())
def test_splitting_a_batch_changes_nothing(documents, data):
    bare = batch_of([text for text, _ in documents], [lang for _, lang in documents])
    whole = scored(bare, ALL)
    cut = data.draw(st.integers(0, len(documents)))
    parts = [scored(bare.slice(0, cut), ALL), scored(bare.slice(cut), ALL)]
    assert pa.Table.from_batches(parts).combine_chunks().to_pylist() == whole.to_pylist()


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.randoms())
def test_rows_do_not_see_each_other(documents, rng):
    order = list(range(len(documents)))
    rng.shuffle(order)
    batch = batch_of([text for text, _ in documents], [lang for _, lang in documents])
    straight = scored(batch, ALL).to_pylist()
    assert scored(batch.take(pa.array(order, pa.int64())), ALL).to_pylist() == [
        straight[i] for i in order
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(UNICODE, max_size=3))
def test_any_unicode_gives_finite_scores(texts):
    for row in scored(batch_of(texts), ALL).to_pylist():
        for name, value in row.items():
            if name.endswith("_frac") and value is not None:
                assert 0 <= value <= 1 or name in ("hash_word_frac", "ellipsis_word_frac"), name
            assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)
def test_an_empty_batch(stage):
    assert scored(scored(batch_of([]), needed(stage)), [stage]).num_rows == 0


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)
def test_large_strings_score_the_same(stage):
    batch = scored(batch_of([text for text, _ in TEXTS.values()]), needed(stage))
    text = batch.column("text").cast(pa.large_string())
    wide = batch.set_column(batch.schema.get_field_index("text"), "text", text)
    assert {k: v.to_pylist() for k, v in stage(wide).items()} == {
        k: v.to_pylist() for k, v in stage(batch).items()
    }


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)
def test_golden_scores(stage):
    """Fails where a score changed: raise the stage's `version` and run tests/golden/write.py."""
    texts, langs = zip(*TEXTS.values(), strict=True)
    chain = STAGES if stage in STAGES else (stage,)
    rows = scored(batch_of(texts, langs), chain).select(list(stage.writes)).to_pylist()
    wanted = json.loads((GOLDEN / f"{stage.name}.json").read_text("utf-8"))
    assert type(stage).version == wanted["version"]
    assert list(TEXTS) == list(wanted["scores"])
    for (name, scores), row in zip(wanted["scores"].items(), rows, strict=True):
        assert list(row) == list(scores)
        for column, value in row.items():
            same = value == scores[column]
            if isinstance(value, float):  # logarithms, and fastText's sums, differ in the last bits
                same = math.isclose(value, scores[column], rel_tol=1e-6)
            assert same, (name, column, value, scores[column])
