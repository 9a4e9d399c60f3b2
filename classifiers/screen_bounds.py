"""Where a screen's estimates of a label are clear, and what that loses.

A label's flag at a threshold is what a rule would act on: scores from the threshold on, or, for
labels whose positives are what is to be kept (quality), scores below it. Shape suffixes: W windows,
L labels, N windows or documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from classifiers import ClassifierError

__all__ = [
    "KNOWN", "TARGET_FRAC", "Aim", "aims", "clear", "fitted", "flag_figures", "flagged",
    "may_be_lost",
]  # fmt: skip

# What may be lost, and gained, of what the model alone would flag.
TARGET_FRAC: Final = 0.005
# With this confidence, as the windows that bounds are fitted on are a sample.
_CONFIDENCE: Final = 0.95
# Rounds in which the bounds of a label are fitted to what the others' bounds pass on anyway.
_ROUNDS: Final = 6
# Thresholds at which the fit looks, evenly in the logit between those of a label.
_BETWEEN: Final = 5


@dataclass(frozen=True, slots=True)
class Aim:
    """The thresholds between which a label's flags must be the model's own."""

    lowest: float
    highest: float
    is_below: bool = False

    def inner(self) -> np.ndarray:
        """Return the thresholds at which the fit looks, both ends among them."""
        ends = np.array([self.lowest, self.highest])
        low, high = (float(logit) for logit in np.log(ends / (1 - ends)))
        logits = np.linspace(low, high, _BETWEEN)
        between = np.unique(1 / (1 + np.exp(-logits)))
        found: np.ndarray = np.clip(between, self.lowest, self.highest)
        return found


# Those of skypile/recipes/web.yaml among them.
KNOWN: Final[Mapping[str, Aim]] = {
    "quality": Aim(0.002, 0.01, is_below=True),
    "stem": Aim(0.5, 0.95),
}
_OTHER: Final = Aim(0.5, 0.9)


def aims(labels: Sequence[str], chosen: Sequence[str] = ()) -> dict[str, Aim]:
    """Return the aim of each label; `chosen` has LABEL=LOW:HIGH, or LABEL=-LOW:HIGH for below.

    Without: quality below 0.002 to 0.01, stem from 0.5 to 0.95, others from 0.5 to 0.9. Raises
    ClassifierError for a label that is not there and for other numbers than 0 < LOW <= HIGH < 1.
    """
    found = {label: KNOWN.get(label.lower(), _OTHER) for label in labels}
    for one in chosen:
        label, _, numbers = one.rpartition("=")
        if label not in found:
            raise ClassifierError(f"--range {one}: there are the labels {', '.join(labels)}")
        is_below = numbers.startswith("-")
        try:
            low, high = map(float, numbers.removeprefix("-").split(":"))
        except ValueError:
            low, high = 1.0, 0.0
        if not 0 < low <= high < 1:
            raise ClassifierError(
                f"--range {one}: expected {label}=LOW:HIGH, two thresholds above 0 and below 1"
            )
        found[label] = Aim(low, high, is_below)
    return found


def flagged(scores: np.ndarray, threshold: float, aim: Aim) -> np.ndarray:
    """Say of each score whether a rule at `threshold` would act on it."""
    return scores < threshold if aim.is_below else scores >= threshold


def clear(scores_NL: np.ndarray, low_L: np.ndarray, high_L: np.ndarray) -> np.ndarray:
    """Say of each estimate whether it lies outside its label's bounds (N, L)."""
    found: np.ndarray = (scores_NL < low_L) | (scores_NL > high_L)
    return found


def may_be_lost(count: int, target_frac: float) -> int:
    """Return of how many flags so many may be lost for the true share to be below the target.

    The most that a share of `target_frac` would give in 5 % of samples of `count` (the upper end
    of Clopper's and Pearson's one-sided interval of 95 %, 1934); 0 where even none says too little.
    """
    if target_frac * count < -math.log(1 - _CONFIDENCE):
        return 0
    odds = math.log(target_frac) - math.log1p(-target_frac)
    lost, at_most = -1, 0.0
    log_chance = count * math.log1p(-target_frac)  # of none: as a number it may be too small
    while at_most + math.exp(log_chance) <= 1 - _CONFIDENCE:
        lost, at_most = lost + 1, at_most + math.exp(log_chance)
        log_chance += math.log(count - lost) - math.log(lost + 1) + odds
    return max(lost, 0)


def _bounds(
    estimates: np.ndarray, scores: np.ndarray, sure: np.ndarray, aim: Aim, target_frac: float
) -> tuple[float, float]:
    """Return the bounds of one label within which the estimates cannot be trusted.

    Below the lower one there are of what the model flags (or, for flags below, does not) at any
    threshold of the aim as many as may be lost, and above the upper one of the rest.
    Windows that are `sure` to be passed on do not count. Neither bound lies within the aim, so that
    an estimate outside of them is on the same side of all its thresholds.
    """
    low, high = aim.lowest, aim.highest
    for threshold in aim.inner():
        is_above = scores >= threshold
        count = may_be_lost(int(np.count_nonzero(flagged(scores, threshold, aim))), target_frac)
        above = np.sort(estimates[is_above & ~sure])
        below = np.sort(estimates[~is_above & ~sure])[::-1]
        low = min(low, float(above[count]) if len(above) > count else low)
        high = max(high, float(below[count]) if len(below) > count else high)
    return low, high


def fitted(
    estimates_WL: np.ndarray, scores_WL: np.ndarray, wanted: Sequence[Aim], target_frac: float,
    kinds_W: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return the lowest and highest estimates (L,) at which each label is still not clear, float32.

    They are the widest of those of each kind of text: where one kind has nearly all the flags, it
    would else pay for what is lost of the others'.
    """
    found = [
        _of_one_kind(estimates_WL[rows], scores_WL[rows], wanted, target_frac)
        for rows in (kinds_W == kind for kind in np.unique(kinds_W))
    ]
    lows, highs = zip(*found, strict=True)
    return np.minimum.reduce(lows), np.maximum.reduce(highs)


def _of_one_kind(
    estimates_WL: np.ndarray, scores_WL: np.ndarray, wanted: Sequence[Aim], target_frac: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of texts of one kind.

    Label by label, in turns: what another label passes on need not be passed on by this one. The
    last turn only widens, so that no label's windows are lost by another's narrower bounds.
    """
    label_count = len(wanted)
    low_L = np.array([aim.lowest for aim in wanted], np.float32)
    high_L = np.array([aim.highest for aim in wanted], np.float32)
    for turn in range(_ROUNDS):
        for label, aim in enumerate(wanted):
            others = np.arange(label_count) != label
            sure: np.ndarray = np.zeros(len(scores_WL), bool)
            if turn:
                sure = np.any(~clear(estimates_WL, low_L, high_L)[:, others], axis=1)
            low, high = _bounds(estimates_WL[:, label], scores_WL[:, label], sure, aim, target_frac)
            is_last = turn + 1 == _ROUNDS
            low_L[label] = min(low, low_L[label]) if is_last else low
            high_L[label] = max(high, high_L[label]) if is_last else high
    return low_L, high_L


def flag_figures(
    alone_NL: np.ndarray, cascade_NL: np.ndarray, labels: Sequence[str], wanted: Sequence[Aim]
) -> dict[str, list[dict[str, Any]]]:
    """Return by label, for thresholds of its aim and others, what is flagged, lost and gained.

    `lost` are of those that the model alone flags; `gained` are not among them. `aimed` says
    whether the bounds were fitted for the threshold.
    """
    others = (0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95)
    found: dict[str, list[dict[str, Any]]] = {}
    for at, (label, aim) in enumerate(zip(labels, wanted, strict=True)):
        rows = []
        for threshold in sorted({aim.lowest, aim.highest, *others}):
            alone = flagged(alone_NL[:, at], threshold, aim)
            now = flagged(cascade_NL[:, at], threshold, aim)
            rows.append(
                {
                    "threshold": threshold,
                    "aimed": aim.lowest <= threshold <= aim.highest,
                    "flagged": int(alone.sum()),
                    "lost": int((alone & ~now).sum()),
                    "gained": int((now & ~alone).sum()),
                }
            )
        found[label] = rows
    return found
