"""What is answered for each document, and the sum of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from skypile.explain.lines import HEAD, score_columns, values
from skypile.ledger import Ledger, outcome_counts
from skypile.recipe import Recipe
from skypile.schema import ERROR, KEPT, REJECTED
from skypile.serve.explained import RuleTold, explained
from skypile.serve.spans import SpanTold

__all__ = [
    "Answer", "Answers", "CurateAnswer", "Summary", "Tallied", "Wanted", "answers", "dumped",
]  # fmt: skip

Value = str | int | float | bool | None


class Answer(BaseModel):
    """What was decided on one document."""

    model_config = ConfigDict(title="Document judged")

    index: int = Field(description="0-based place among the documents of the request")
    id: str = Field(description="the document's id, else its record")
    record: str = Field(description="body#LINE, lines counted from 0, blank ones too")
    domain: str | None = Field(description="en, zh, code or null")
    language: str | None
    outcome: Literal["kept", "rejected", "error"]
    reason: str | None = Field(description="of the first rule that it breaks, or of the error")
    score: float | None = Field(description="the value of the column that decided")
    limit: float | None = Field(description="the bound that it breaks")
    message: str | None = Field(default=None, description="what is wrong, where outcome is error")
    columns: dict[str, Value] = Field(
        default={}, description="the scores; null where the document was rejected before"
    )
    text: str | None = Field(default=None, description="as rewritten; only with text=true")
    rules: list[RuleTold] | None = Field(default=None, description="only with explain=true")
    spans: list[SpanTold] | None = Field(default=None, description="only with explain=true")
    spans_cut: bool = Field(default=False, description="whether there are more spans than told")


class Summary(BaseModel):
    """The sum over a request: read = kept + rejected + error, to the document."""

    read: int
    kept: int
    rejected: int
    error: int
    rejected_by_reason: dict[str, int]
    error_by_reason: dict[str, int]
    complete: bool = Field(description="false where the answers end before the documents do")


class CurateAnswer(BaseModel):
    """All answers, in the order of the documents."""

    documents: list[Answer]
    summary: Summary


@dataclass(frozen=True)
class Wanted:
    """What a client asks for beside the outcome."""

    columns: tuple[str, ...]
    text: bool = False
    explain: bool = False
    max_span_bytes: int = 0


@dataclass
class Tallied:
    """Documents counted as they are answered."""

    ledger: Ledger = field(default_factory=Ledger)

    def add(self, batch: pa.RecordBatch) -> Counter[tuple[str, str | None, str | None]]:
        """Count a judged batch, and return its counts."""
        found = outcome_counts(batch)
        self.ledger.counts += found
        return found

    def summary(self, read: int, *, complete: bool) -> dict[str, Any]:
        """Return the sum, for the `read` documents that were met; RunError if it is wrong."""
        ledger = self.ledger
        ledger.read = read if complete else sum(ledger.counts.values())
        ledger.check("the service")
        return Summary(
            read=ledger.read,
            kept=ledger.total(KEPT),
            rejected=ledger.total(REJECTED),
            error=ledger.total(ERROR),
            rejected_by_reason=ledger.reasons(REJECTED),
            error_by_reason=ledger.reasons(ERROR),
            complete=complete,
        ).model_dump()


def answers(
    batch: pa.RecordBatch, first: int, recipe: Recipe, wanted: Wanted
) -> list[dict[str, Any]]:
    """Return the answer for each document of a judged batch; `first` is the index of the first.

    Floats are NumPy's, for `dumped`: a number of 32 bits has as many digits as tell it from others.
    """
    known = set(batch.schema.names)
    head = {
        key: values(batch.column(name)) if name in known else [None] * batch.num_rows
        for key, name in HEAD.items()
    }
    messages = batch.column("message").to_pylist()
    scores = {name: values(batch.column(name)) for name in wanted.columns if name in known}
    texts = batch.column("text").to_pylist() if wanted.text or wanted.explain else []
    found = []
    for row in range(batch.num_rows):
        answer: dict[str, Any] = {"index": first + row}
        answer |= {key: column[row] for key, column in head.items()}
        if messages[row] is not None:
            answer["message"] = messages[row]
        if wanted.columns:
            answer["columns"] = {name: column[row] for name, column in scores.items()}
        if texts:
            answer["text"] = texts[row]
        if wanted.explain:
            answer |= explained(batch.slice(row, 1), recipe, wanted.max_span_bytes)
        found.append(answer)
    return found


def dumped(value: object) -> bytes:
    """Return `value` as JSON in UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value).__name__)


class Answers:
    """Which columns a recipe has to answer with."""

    def __init__(self, recipe: Recipe) -> None:
        self.names = tuple(score_columns(recipe))

    def chosen(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the columns of a query: all, none or names; KeyError with what is not there."""
        if list(asked) in ([], ["all"]):
            return self.names
        if list(asked) == ["none"]:
            return ()
        for name in asked:
            if name not in self.names:
                raise KeyError(name)
        return tuple(asked)
