from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from documents import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.curate import annotate, close, curate, isolate, run_steps
from skypile.errors import RecipeError
from skypile.ledger import outcome_counts
from skypile.policy import Rule
from skypile.recipe import Mix, Recipe, Step
from skypile.stage import Stage


class Length(Stage):
    """Characters of the text; documents that hold `fatal` make it raise."""

    fatal: str = "\0"

    @property
    def writes(self) -> dict[str, pa.DataType]:
        return {"length": pa.int32()}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        if any(self.fatal in text for text in batch.column("text").to_pylist()):
            raise ValueError("found a fatal text")
        return {"length": pc.utf8_length(batch.column("text"))}


class Liar(Length):
    """Returns a row too few."""

    reads: ClassVar[tuple[str, ...]] = ("text",)

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {"length": super().__call__(batch)["length"].slice(1)}


class Missing(Length):
    """Cannot find its model."""

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        raise RecipeError("no such model")


RECIPE = Recipe(
    name="lengths",
    steps=(Step(stages=(Length(),), rules=(Rule(reason="short", column="length", min=3),)),),
    mix=Mix(),
)


def test_every_document_gets_exactly_one_outcome():
    rows = curate(batch_of(["abcd", "a", "x\0y"]), RECIPE).to_pylist()
    found = [(row["outcome"], row["reason"]) for row in rows]
    assert found == [("kept", None), ("rejected", "short"), ("error", "stage:length")]
    assert rows[2]["message"] == "ValueError: found a fatal text"
    assert [row["length"] for row in rows] == [4, 1, None]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["", "a", "abcd", "\0", "b\0", "你好吗"]), max_size=40))
def test_faults_are_isolated_to_their_documents(texts):
    columns, failures = isolate(Length(), batch_of(texts))
    assert set(failures) == {row for row, text in enumerate(texts) if "\0" in text}
    expected = [None if "\0" in text else len(text) for text in texts]
    assert columns["length"].to_pylist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=30), st.integers(0, 30))
def test_splitting_a_batch_changes_nothing_and_rows_keep_their_order(texts, at):
    batch = batch_of(texts)
    whole = curate(batch, RECIPE)
    parts = [curate(part, RECIPE) for part in (batch.slice(0, at), batch.slice(at))]
    assert pa.Table.from_batches(parts).to_pylist() == whole.to_pylist()
    assert whole.column("record").equals(batch.column("record"))
    assert sum(outcome_counts(whole).values()) == len(texts)


def test_later_steps_see_only_what_is_open_and_closed_rows_keep_their_columns():
    seen: Counter[int] = Counter()

    class Counting(Length):
        @property
        def writes(self) -> dict[str, pa.DataType]:
            return {"again": pa.int32()}

        def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
            seen[batch.num_rows] += 1
            return {"again": pc.utf8_length(batch.column("text"))}

    steps = [*RECIPE.steps, Step(stages=(Counting(),))]
    rows = run_steps(batch_of(["abcd", "a", "efg"]), steps).to_pylist()
    assert dict(seen) == {2: 1}
    assert [row["again"] for row in rows] == [4, None, 3]
    assert [row["length"] for row in rows] == [4, 1, 3]


def test_a_stage_that_breaks_its_word_fails_its_documents_not_the_run():
    rows = close(annotate(batch_of(["abcd", "efgh"]), [Liar()])).to_pylist()
    assert [row["reason"] for row in rows] == ["stage:liar", "stage:liar"]


def test_what_is_wrong_with_the_run_is_not_a_documents_fault():
    with pytest.raises(RecipeError, match="no such model"):
        annotate(batch_of(["abcd"]), [Missing()])


def test_an_empty_batch_has_the_columns_of_a_full_one():
    assert curate(batch_of([]), RECIPE).schema.names == curate(batch_of(["x"]), RECIPE).schema.names
