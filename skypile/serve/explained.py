"""Why one document has its outcome: each rule with the document's value, and spans behind it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from skypile.explain.lines import values
from skypile.policy import Rule, broken
from skypile.recipe import Recipe
from skypile.schema import ERROR, REJECTED
from skypile.serve.spans import spans_of

__all__ = ["RuleTold", "explained"]

MET, BROKEN, DECIDED, OTHER, UNKNOWN = "met", "broken", "decided", "other_domain", "not_computed"


class RuleTold(BaseModel):
    """One rule of the recipe, and how a document fares by it."""

    reason: str = Field(description="stands with a document that breaks the rule")
    column: str
    test: str = Field(description="the rule as a person reads it")
    min: float | None
    max: float | None
    allowed: list[str] | None = Field(description="the values that pass, for a rule on words")
    domain: list[str] | None = Field(description="the domains that it holds for; null is all")
    source: str = Field(description="where the rule and its bound come from")
    value: str | int | float | None = Field(description="the document's")
    result: Literal["met", "broken", "decided", "other_domain", "not_computed"] = Field(
        description="decided: broken, and the first one; broken: would have decided later"
    )


def explained(document: pa.RecordBatch, recipe: Recipe, max_span_bytes: int) -> dict[str, Any]:
    """Return `rules` and `spans` of one judged document with all its scores, as JSON values.

    `document` has one row, judged with `score_all`. Of a text over `max_span_bytes` no spans are
    looked for.
    """
    assert document.num_rows == 1
    outcome, reason = (document.column(name)[0].as_py() for name in ("outcome", "reason"))
    if outcome == ERROR:
        return {"rules": [], "spans": [], "spans_cut": False}
    told = []
    waits, deciding = outcome == REJECTED, ""
    for rule in recipe.rules:
        result = _result(rule, document)
        if waits and result == BROKEN and rule.reason == reason:
            result, waits, deciding = DECIDED, False, rule.column
        told.append(_told(rule, document, result))
    text = document.column("text")[0].as_py()
    if len(text.encode()) > max_span_bytes:
        return {"rules": told, "spans": [], "spans_cut": True}
    tested = {rule["column"] for rule in told if rule["result"] not in (OTHER, UNKNOWN)}
    spans, cut = spans_of(text, recipe, tested, deciding)
    return {"rules": told, "spans": spans, "spans_cut": cut}


def _result(rule: Rule, document: pa.RecordBatch) -> str:
    names = document.schema.names
    domain = document.column("domain")[0].as_py() if "domain" in names else None
    if rule.domain is not None and domain not in rule.domain:
        return OTHER
    if rule.column not in names:
        return UNKNOWN
    picked = [rule.column, "domain"] if "domain" in names and rule.column != "domain" else []
    batch = document.select(picked or [rule.column])
    return BROKEN if broken(rule, batch)[0] else MET


def _told(rule: Rule, document: pa.RecordBatch, result: str) -> dict[str, Any]:
    value: Any = None
    if rule.column in document.schema.names:
        value = values(document.column(rule.column))[0]
        if isinstance(value, np.generic):
            value = value.item() if value.dtype != np.float32 else float(str(value))
    return {
        "reason": rule.reason,
        "column": rule.column,
        "test": rule.describe(),
        "min": rule.min,
        "max": rule.max,
        "allowed": None if rule.values is None else list(rule.values),
        "domain": None if rule.domain is None else list(rule.domain),
        "source": rule.source,
        "value": value,
        "result": result,
    }
