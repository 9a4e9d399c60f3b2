"""Whether a model knows a test set, by its loss on it, on the training split and on look-alikes.

Skywork-13B (arXiv 2310.19341, table 8) gives each model three losses, of a benchmark's training
split, of its test split and of reference texts written to look like it, and two differences:

* Δ1 = L_test - L_ref: far below nought where the test set was trained on;
* Δ2 = L_test - L_train: far above nought where the training split was.

What a loss is averaged over is not said there. Here each document has the nats of a token by the
model's own tokenizer, and a set the mean over its documents, so that a long one counts as a short
one does. Differences of one model on three sets need no other normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_DOCUMENTS", "SETS", "differences", "overlaps", "reading"]

F64 = npt.NDArray[np.float64]
RESAMPLES = 2000
# A bootstrap of fewer documents has intervals that are too narrow to be believed.
LEAST_DOCUMENTS = 20
SETS = ("train", "test", "reference")


def overlaps(sets: Mapping[str, list[str]]) -> dict[tuple[str, str], set[str]]:
    """Return the texts that two sets have in common, white space aside, for pairs that have some.

    >>> overlaps({"train": ["a  b"], "test": ["a b", "c"], "reference": []})
    {('train', 'test'): {'a b'}}
    """
    plain = {name: {" ".join(text.split()) for text in texts} for name, texts in sets.items()}
    names = list(plain)
    pairs = [(a, b) for number, a in enumerate(names) for b in names[number + 1 :]]
    found = {(a, b): plain[a] & plain[b] for a, b in pairs}
    return {pair: both for pair, both in found.items() if both}


def differences(losses: Mapping[str, F64], *, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return L_train, L_test, L_reference, delta1 and delta2, each as {value, low, high}.

    `losses` are those of documents of each of SETS. Intervals are 95 %, of the bootstrap over the
    documents of each set by itself.
    """
    draws = np.random.default_rng(seed)
    found: dict[str, tuple[float, F64]] = {}
    for name in SETS:
        values = losses[name]
        count = len(values)
        times = draws.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        found[f"L_{name}"] = float(values.mean()), times @ values / count
    for name, other in (("delta1", "L_reference"), ("delta2", "L_train")):
        (value, drawn), (less, drawn_less) = found["L_test"], found[other]
        found[name] = value - less, drawn - drawn_less
    told = {}
    for name, (value, drawn) in found.items():
        low, high = np.percentile(drawn, [2.5, 97.5])
        told[name] = {"value": value, "low": float(low), "high": float(high)}
    return told


def reading(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what the differences say, in sentences; nothing is read from one that may be nought.

    >>> none = {"value": 0.0, "low": -0.1, "high": 0.1}
    >>> reading({"delta1": none, "delta2": none})[0]
    'Δ1 cannot be told from nought: no leak of the test set is seen'
    """
    return [_first(found["delta1"]), _second(found["delta2"])]


def _first(delta: Mapping[str, float]) -> str:
    if delta["high"] < 0:
        return (
            "Δ1 is below nought: the test set is easier than its look-alikes, as it is where it "
            "was trained on"
        )
    if delta["low"] > 0:
        return (
            "Δ1 is above nought: the test set is harder than the reference, which is no sign of a "
            "leak, and a sign that the reference is of another kind"
        )
    return "Δ1 cannot be told from nought: no leak of the test set is seen"


def _second(delta: Mapping[str, float]) -> str:
    if delta["low"] > 0:
        return (
            "Δ2 is above nought: the training split is easier than the test split, as it is where "
            "the model was fitted to it"
        )
    if delta["high"] < 0:
        return "Δ2 is below nought: the training split is the harder one; it was not fitted to"
    return "Δ2 cannot be told from nought: no fitting to the training split is seen"
