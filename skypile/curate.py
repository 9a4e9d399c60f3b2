"""The product: every document of a batch gets exactly one outcome.

``skypile filter`` loops over `curate`, the Beam pipeline maps `run_steps` and `close`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.errors import SkyPileError
from skypile.policy import decide, open_mask
from skypile.recipe import Recipe, Step
from skypile.schema import ERROR, KEPT, OUTCOME_FIELDS, REJECTED, set_columns
from skypile.stage import Stage

__all__ = ["TEXT_READ", "annotate", "close", "curate", "fully_scored", "isolate", "run_steps"]

# The text as it was read, for recipes that rewrite it; who calls `fully_scored` fills it in.
TEXT_READ = "text_read"


def curate(batch: pa.RecordBatch, recipe: Recipe) -> pa.RecordBatch:
    """Give every document exactly one outcome: kept, rejected or error."""
    return close(run_steps(run_steps(batch, recipe.steps), recipe.score))


def run_steps(batch: pa.RecordBatch, steps: Sequence[Step]) -> pa.RecordBatch:
    """Score and judge step by step; a later, costlier step sees only what is still open."""
    for step in steps:
        batch = decide(annotate(batch, step.stages), step.rules)
    return batch


def close(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return `batch` with every document that is still open kept."""
    return set_columns(batch, {"outcome": batch.column("outcome").fill_null(KEPT)})


def annotate(batch: pa.RecordBatch, stages: Sequence[Stage]) -> pa.RecordBatch:
    """Return `batch` with the columns of `stages` filled in for its open documents.

    Other documents have null there (or keep what an earlier stage wrote). A document on which
    a stage raises becomes ``error: stage:<name>``.
    """
    for stage in stages:
        batch = _annotate_one(batch, stage)
    return batch


def _annotate_one(batch: pa.RecordBatch, stage: Stage) -> pa.RecordBatch:
    rows = np.flatnonzero(open_mask(batch))
    whole = len(rows) == batch.num_rows
    part = batch if whole else batch.take(pa.array(rows))
    if part.num_rows:
        columns, failures = isolate(stage, part)
    else:
        columns, failures = _nulls(stage, 0), {}
    if not whole:
        columns = _scatter(batch, columns, rows)
    batch = set_columns(batch, columns)
    return _with_failures(batch, stage, {int(rows[row]): why for row, why in failures.items()})


def _scatter(
    batch: pa.RecordBatch, columns: dict[str, pa.Array], rows: np.ndarray
) -> dict[str, pa.Array]:
    """Spread columns of the documents `rows` over the whole batch."""
    place = np.full(batch.num_rows, -1, np.int64)
    place[rows] = np.arange(len(rows))
    indices = pa.array(place, mask=place < 0)
    spread = {name: column.take(indices) for name, column in columns.items()}
    for name in set(spread) & set(batch.schema.names):
        spread[name] = pc.if_else(pa.array(place >= 0), spread[name], batch.column(name))
    return spread


def _nulls(stage: Stage, rows: int) -> dict[str, pa.Array]:
    return {name: pa.nulls(rows, dtype) for name, dtype in stage.writes.items()}


def isolate(stage: Stage, batch: pa.RecordBatch) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """Run `stage` on `batch`; where it raises, on halves, until the documents at fault stand alone.

    Returns the stage's columns (null for documents at fault) and row -> message for these.
    A SkyPileError is a matter of the run, not of a document (a model that is not there), and is
    raised on.
    """
    try:
        return _checked(stage, stage(batch), batch.num_rows), {}
    except SkyPileError:
        raise
    except Exception as error:  # noqa: BLE001 - the one place where a stage's faults are caught
        if batch.num_rows == 1:
            return _nulls(stage, 1), {0: f"{type(error).__name__}: {error}"[:1000]}
    middle = batch.num_rows // 2
    left, left_failures = isolate(stage, batch.slice(0, middle))
    right, right_failures = isolate(stage, batch.slice(middle))
    columns = {name: pa.concat_arrays([left[name], right[name]]) for name in left}
    return columns, left_failures | {row + middle: why for row, why in right_failures.items()}


def _checked(stage: Stage, columns: dict[str, pa.Array], rows: int) -> dict[str, pa.Array]:
    """Hold a stage to what it declares; a breach counts as its failure on these documents."""
    declared = {name: (dtype, rows) for name, dtype in stage.writes.items()}
    returned = {name: (column.type, len(column)) for name, column in columns.items()}
    if declared != returned:
        raise TypeError(f"stage {stage.name} declares {declared} but returned {returned}")
    return columns


def _with_failures(batch: pa.RecordBatch, stage: Stage, failures: dict[int, str]) -> pa.RecordBatch:
    if not failures:
        return batch
    hit = np.zeros(batch.num_rows, bool)
    hit[list(failures)] = True
    messages = pa.array([failures.get(row) for row in range(batch.num_rows)], pa.string())
    mask = pa.array(hit)
    return set_columns(
        batch,
        {
            "outcome": pc.if_else(mask, ERROR, batch.column("outcome")),
            "reason": pc.if_else(mask, f"stage:{stage.name}", batch.column("reason")),
            "message": pc.if_else(mask, messages, batch.column("message")),
        },
    )


def fully_scored(batch: pa.RecordBatch, recipe: Recipe) -> pa.RecordBatch:
    """Return the closed `batch` with every score also of documents that were rejected.

    Outcomes stay, and so do scores that are there: only what is null is filled in. Nothing can be
    scored on records that could not be read.
    """
    rows = np.flatnonzero(np.asarray(pc.equal(batch.column("outcome"), REJECTED)))
    if not len(rows):
        return batch
    again = _reopened(batch.take(pa.array(rows)), recipe)
    for step in (*recipe.steps, *recipe.score):
        again = annotate(again, step.stages)
    place = np.full(batch.num_rows, -1, np.int64)
    place[rows] = np.arange(len(rows))
    indices = pa.array(place, mask=place < 0)
    columns = {}
    for name in recipe.columns((*recipe.steps, *recipe.score)):
        if name != "text":
            columns[name] = pc.coalesce(batch.column(name), again.column(name).take(indices))
    return set_columns(batch, columns)


def _reopened(batch: pa.RecordBatch, recipe: Recipe) -> pa.RecordBatch:
    """Return rejected documents as they were read: open, without scores."""
    columns = {field.name: pa.nulls(batch.num_rows, field.type) for field in OUTCOME_FIELDS}
    for name, dtype in recipe.columns((*recipe.steps, *recipe.score)).items():
        if name != "text":
            columns[name] = pa.nulls(batch.num_rows, dtype)
    if TEXT_READ in batch.schema.names:
        columns["text"] = batch.column(TEXT_READ)
    return set_columns(batch, columns)
