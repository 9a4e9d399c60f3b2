"""What a fine-tuned classifier is worth on rows that it has not seen, and its calibration.

Shape suffixes: N rows, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifiers.labelled import Labelled, counted
from classifiers.measures import (
    Cut,
    Platt,
    auc,
    average_precision,
    bootstrap,
    cut_for,
    log_loss,
    logits_of,
    platt,
    wilson,
)

__all__ = ["ALL", "by_language", "by_source", "evaluation", "pooled", "thresholds"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

ALL: Final = "all"
_SHOWN_SOURCES: Final = 50
# Scores are compared as stage classify writes them.
_DIGITS: Final = 6
_STEP: Final = 10.0**-_DIGITS


def pooled(scores: F64, rows: Labelled, chosen: I64) -> list[Platt]:
    """Return each head's calibration over all languages; the identity where rows are too few.

    `scores` (n, H) are those of the rows `chosen`, in this order.
    """
    found = []
    for at in range(len(rows.heads)):
        known = rows.known(at)[chosen]
        labels = rows.labels[chosen[known], at].astype(np.float64)
        found.append(platt(logits_of(scores[known, at]), labels) or Platt())
    return found


def by_language(scores: F64, rows: Labelled, chosen: I64) -> dict[str, dict[str, dict[str, float]]]:
    """Return head -> language -> slope, offset, rows: what calibrated scores still need.

    A language of too few rows is left out: its scores stay as they are.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    languages = np.asarray([rows.languages[row] for row in chosen.tolist()], dtype=object)
    for at, head in enumerate(rows.heads):
        found[head] = {}
        for language in sorted(set(languages.tolist())):
            inside = rows.known(at)[chosen] & (languages == language)
            labels = rows.labels[chosen[inside], at].astype(np.float64)
            fit = platt(logits_of(scores[inside, at]), labels)
            if fit is not None:
                found[head][language] = {
                    "slope": round(fit.slope, 6),
                    "offset": round(fit.offset, 6),
                    "rows": int(inside.sum()),
                }
    return found


def _cells(
    rows: Labelled, chosen: I64, values: Sequence[str], *, with_all: bool
) -> Iterator[tuple[int, str, npt.NDArray[np.bool_]]]:
    """Yield head, value and mask over `chosen` of the rows with a label, where there are some."""
    own = np.asarray([values[row] for row in chosen.tolist()], dtype=object)
    names = list(counted(own.tolist()))[:_SHOWN_SOURCES]
    if with_all and len(names) > 1:
        names.insert(0, ALL)
    for at in range(len(rows.heads)):
        for name in names:
            inside = rows.known(at)[chosen] & ((own == name) | (with_all and name == ALL))
            if inside.any():
                yield at, name, inside


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _figures(
    scores: F64, positive: npt.NDArray[np.bool_], groups: I64, rng: np.random.Generator
) -> dict[str, Any]:
    """Return AUC and average precision with their intervals, and how many rows of each class."""
    found: dict[str, Any] = {
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
    }
    for name, figure in (("auc", auc), ("ap", average_precision)):
        value = figure(scores, positive)
        found[name] = _rounded(value)
        interval = None
        if not math.isnan(value):
            interval = bootstrap(figure, scores, positive, groups, rng)
        found[f"{name}_interval"] = interval and [round(bound, 4) for bound in interval]
    return found


def _codes(values: Sequence[str]) -> I64:
    return np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)[1]


def by_source(scores: F64, rows: Labelled, chosen: I64, seed: int) -> dict[str, dict[str, Any]]:
    """Return head -> source -> figures, of the 50 sources with the most rows."""
    rng = np.random.default_rng((seed, 3))
    groups = _codes(rows.groups)[chosen]
    found: dict[str, dict[str, Any]] = {head: {} for head in rows.heads}
    for at, source, inside in _cells(rows, chosen, rows.sources, with_all=False):
        positive = rows.positive(at)[chosen][inside]
        figures = _figures(scores[inside, at], positive, groups[inside], rng)
        figures["mean_score"] = round(float(scores[inside, at].mean()), 4)
        found[rows.heads[at]][source] = figures
    return found


def evaluation(
    scores: F64, raw: F64, rows: Labelled, chosen: I64, seed: int,
    calibration: dict[str, dict[str, dict[str, float]]],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Return head -> language -> figures of the rows `chosen`; "all" holds all languages.

    `raw` are the scores before calibration, `scores` those of the checkpoint. Log losses are in
    nats: raw, as saved, and with the language's own calibration where there is one.
    """
    rng = np.random.default_rng((seed, 2))
    groups = _codes(rows.groups)[chosen]
    found: dict[str, dict[str, Any]] = {head: {} for head in rows.heads}
    for at, language, inside in _cells(rows, chosen, rows.languages, with_all=True):
        head = rows.heads[at]
        labels = rows.labels[chosen[inside], at].astype(np.float64)
        positive = labels >= 0.5
        figures = _figures(scores[inside, at], positive, groups[inside], rng)
        logits = logits_of(scores[inside, at])
        figures["log_loss_raw"] = round(log_loss(logits_of(raw[inside, at]), labels), 4)
        figures["log_loss"] = round(log_loss(logits, labels), 4)
        own = calibration[head].get(language)
        if own:
            fitted = Platt(own["slope"], own["offset"]).logits(logits)
            figures["log_loss_by_language"] = round(log_loss(fitted, labels), 4)
        found[head][language] = figures
    return found


def _row(cut: Cut, precision: float) -> dict[str, Any]:
    precision_interval = wilson(cut.hits, cut.flagged)
    recall_interval = wilson(cut.hits, cut.positives)
    return {
        "precision_wanted": precision,
        # A rule's bound is inclusive: `max: threshold` must not let the lowest flagged score pass.
        "threshold": round(cut.threshold - _STEP, _DIGITS),
        "precision": round(cut.precision, 4),
        "precision_interval": [round(bound, 4) for bound in precision_interval],
        "recall": round(cut.recall, 4),
        "recall_interval": [round(bound, 4) for bound in recall_interval],
        "flagged": cut.flagged,
        "flagged_frac": round(cut.flagged / cut.rows, 4),
        "hits": cut.hits,
        "positives": cut.positives,
        "rows": cut.rows,
    }


def thresholds(
    scores: F64, rows: Labelled, chosen: I64, wanted: Sequence[float],
    check: tuple[F64, I64],
) -> dict[str, dict[str, list[dict[str, Any]]]]:  # fmt: skip
    """Return head -> language -> a row for each precision that the rows `chosen` reach.

    Flagged is what lies above the threshold, as a rule with `max: THRESHOLD` rejects it.
    `check` are the scores and numbers of other rows (valid): what the same threshold gives there
    stands beside it, because a threshold looks best on the rows that it was chosen by.
    """
    scores, other_scores, others = np.round(scores, _DIGITS), np.round(check[0], _DIGITS), check[1]
    found: dict[str, dict[str, list[dict[str, Any]]]] = {head: {} for head in rows.heads}
    elsewhere = {
        (at, language): inside
        for at, language, inside in _cells(rows, others, rows.languages, with_all=True)
    }
    for at, language, inside in _cells(rows, chosen, rows.languages, with_all=True):
        positive = rows.positive(at)[chosen][inside]
        if positive.all() or not positive.any():
            continue  # any threshold would do, or none
        table = []
        for precision in wanted:
            cut = cut_for(scores[inside, at], positive, precision)
            if cut is None:
                continue
            row = _row(cut, precision)
            there = elsewhere.get((at, language))
            if there is not None:
                flagged = there & (other_scores[:, at] > row["threshold"])
                row["valid_flagged"] = int(flagged.sum())
                row["valid_hits"] = int((flagged & rows.positive(at)[others]).sum())
            table.append(row)
        found[rows.heads[at]][language] = table
    return found
