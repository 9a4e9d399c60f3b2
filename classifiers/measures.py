"""How good scores are: precision and recall, cuts for wanted precisions, intervals, calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.evaluate import auc

__all__ = [
    "Cut", "Platt", "auc", "average_precision", "bootstrap", "cut_for", "log_loss", "logits_of",
    "platt", "wilson",
]  # fmt: skip

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# The 97.5 % point of the normal distribution: intervals hold 95 %.
_Z: Final = 1.959963984540054
_NEWTON_STEPS: Final = 100
# Scores are float32: beyond this a logit says no more.
_LEAST_SCORE: Final = 1e-7


def average_precision(scores: F64, positive: Mask) -> float:
    """Return the area under the precision-recall steps; NaN where one of the classes is missing.

    The sum over distinct scores, from the highest down, of the recall gained times the precision
    there, without interpolation (Manning et al. 2008, chapter 8.4, over thresholds).
    """
    if not positive.any() or positive.all():
        return math.nan
    hits, flagged = _counts(scores, positive)[1:]
    gained = np.diff(hits, prepend=0) / positive.sum()
    return float((gained * hits / flagged).sum())


def _counts(scores: F64, positive: Mask) -> tuple[F64, F64, F64]:
    """Return the distinct scores, descending, and how many positives and rows reach each."""
    cuts, inverse = np.unique(scores, return_inverse=True)
    rows = np.bincount(inverse, minlength=len(cuts))[::-1].cumsum()
    hits = np.bincount(inverse, weights=positive, minlength=len(cuts))[::-1].cumsum()
    return cuts[::-1], hits, rows.astype(np.float64)


def wilson(hits: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of `hits` in `count` (Wilson 1927); 0 to 1 of nothing."""
    if count == 0:
        return 0.0, 1.0
    share, square = hits / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Cut:
    """Flagging scores of `threshold` and above: `hits` of `positives`, `flagged` of `rows`."""

    threshold: float
    hits: int
    positives: int
    flagged: int
    rows: int

    @property
    def precision(self) -> float:
        """The share of flagged rows that are positive; NaN where none is flagged."""
        return self.hits / self.flagged if self.flagged else math.nan

    @property
    def recall(self) -> float:
        """The share of positives that are flagged."""
        return self.hits / self.positives if self.positives else math.nan


def cut_for(scores: F64, positive: Mask, precision: float) -> Cut | None:
    """Return the lowest threshold, one of the scores, above which `precision` is reached.

    None where no threshold reaches it. The lowest one flags the most.
    """
    cuts, hits, flagged = _counts(scores, positive)
    # The slack is for 9 / 10 against a wanted 0.9.
    good = np.flatnonzero(hits >= (precision - 1e-12) * flagged)
    if not len(good) or hits[good[-1]] == 0:
        return None
    at = int(good[-1])
    return Cut(
        float(cuts[at]), int(hits[at]), int(positive.sum()), int(flagged[at]), len(scores)
    )  # fmt: skip


def bootstrap(
    figure: Callable[[F64, Mask], float],
    scores: F64,
    positive: Mask,
    groups: npt.NDArray[np.int64],
    rng: np.random.Generator,
    rounds: int = 200,
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a figure over drawings of whole groups.

    Rows of one site or source are alike, so groups are drawn with replacement, not rows (Cameron
    et al. 2008); of fewer than five groups there are too few drawings, and rows are drawn. Drawings
    with one class only are left out; None where over half are.
    """
    _, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 5:
        inverse, sizes = np.arange(len(scores)), np.ones(len(scores), dtype=np.int64)
    order = np.argsort(inverse, kind="stable")
    members = np.split(order, np.cumsum(sizes)[:-1])
    found = []
    for _ in range(rounds):
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[at] for at in drawn])
        value = figure(scores[rows], positive[rows])
        if not math.isnan(value):
            found.append(value)
    if len(found) * 2 < rounds:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def logits_of(scores: F64) -> F64:
    """Return the logits of probabilities, bounded where a float32 score is 0 or 1."""
    inside = np.clip(scores.astype(np.float64), _LEAST_SCORE, 1 - _LEAST_SCORE)
    found: F64 = np.log(inside) - np.log1p(-inside)
    return found


def log_loss(logits: F64, labels: F64) -> float:
    """Return the mean binary cross-entropy (nats) of labels, which may lie between 0 and 1."""
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


@dataclass(frozen=True, slots=True)
class Platt:
    """A calibration: the probability is sigmoid(slope * logit + offset)."""

    slope: float = 1.0
    offset: float = 0.0

    def logits(self, logits: F64) -> F64:
        """Return calibrated logits."""
        return self.slope * logits + self.offset


def platt(logits: F64, labels: F64, least: int = 10) -> Platt | None:
    """Return the slope and offset that fit the labels best (Platt 1999), None where they cannot.

    The targets of hard labels are drawn in, as Platt has it: (p + 1) / (p + 2) and 1 / (n + 2) for
    p positives and n negatives, so that separable classes keep a finite slope. Fitted by Newton's
    method with halved steps (Lin et al. 2007). It cannot where there are fewer than `least` rows of
    either class, or where the best slope is not above 0.
    """
    positives = float((labels >= 0.5).sum())
    negatives = len(labels) - positives
    if min(positives, negatives) < least:
        return None
    low, high = 1 / (negatives + 2), (positives + 1) / (positives + 2)
    targets = low + labels * (high - low)
    design = np.column_stack([logits, np.ones_like(logits)])
    point = np.array([1.0, 0.0])
    loss = log_loss(design @ point, targets)
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ point, -500, 500)))
        gradient = design.T @ (chance - targets)
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-6 and log_loss(design @ (point - size * step), targets) > loss:
            size /= 2
        new = log_loss(design @ (point - size * step), targets)
        if loss - new < 1e-12:
            break
        point, loss = point - size * step, new
    slope, offset = float(point[0]), float(point[1])
    return Platt(slope, offset) if slope > 0 else None


def mean_known(values: Sequence[float]) -> float:
    """Return the mean of the values that are no NaN; NaN of none."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
