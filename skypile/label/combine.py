"""From votes to probabilities, and from judged documents to what a vote is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from skypile.label.spec import Head, LabelSpec, Vote
from skypile.policy import broken

__all__ = ["Cast", "cast", "fitted", "probabilities"]

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

# A stated confidence weighs as much as so many documents that a person has judged.
STATED_WEIGHT = 10.0
# What is learnt from judged documents stays within these: no vote is worth nothing, none is sure.
LOWEST, HIGHEST = 0.5, 0.999


@dataclass(frozen=True)
class Cast:
    """Which votes of a head are cast on which documents: bool (documents, votes)."""

    votes: tuple[Vote, ...]
    hits: Flags

    def take(self, rows: npt.NDArray[np.intp]) -> Cast:
        """Return the votes on some of the documents."""
        return replace(self, hits=self.hits[rows])


def cast(batch: pa.RecordBatch, head: Head) -> Cast:
    """Return the votes on the documents of `batch`, which has the columns that they read."""
    hits = np.zeros((batch.num_rows, len(head.votes)), bool)
    for number, vote in enumerate(head.votes):
        hits[:, number] = ~broken(vote.rule, batch)
        if vote.domain is not None:
            known = pa.array(vote.domain, pa.string())
            member = pc.is_in(batch.column("domain"), value_set=known)
            hits[:, number] &= np.asarray(member)
    return Cast(head.votes, hits)


def probabilities(cast: Cast, prior: float) -> Floats:
    """Return the probability of each document, float64 (documents,), NaN where nobody votes.

    Bayes' rule with votes that are independent given the answer, each right with its confidence:
    the odds of `prior` times c / (1 - c) for each vote of yes, and divided by it for each of no. Of
    a group the most confident vote that is cast counts alone.
    """
    signs = np.array([1.0 if vote.label else -1.0 for vote in cast.votes])
    confidence = np.array([vote.confidence for vote in cast.votes])
    weights = signs * np.log(confidence / (1 - confidence))
    counted = cast.hits & ~_overruled(cast)
    odds = np.log(prior / (1 - prior)) + counted @ weights
    found: Floats = 1 / (1 + np.exp(-odds))
    found[~cast.hits.any(axis=1)] = np.nan
    return found


def _overruled(cast: Cast) -> Flags:
    """Return which votes a more confident one of their group makes superfluous."""
    found = np.zeros_like(cast.hits)
    groups: dict[str, list[int]] = {}
    for number, vote in enumerate(cast.votes):
        if vote.group is not None:
            groups.setdefault(vote.group, []).append(number)
    for members in groups.values():
        ranked = sorted(members, key=lambda number: (-cast.votes[number].confidence, number))
        for place, number in enumerate(ranked):
            found[:, number] = cast.hits[:, ranked[:place]].any(axis=1)
    return found


def fitted(
    spec: LabelSpec, judged: Mapping[str, tuple[Cast, Flags]]
) -> tuple[LabelSpec, dict[str, list[tuple[int, int]]]]:
    """Return `spec` with confidences that take judged documents into account, and the counts.

    `judged` has for each head votes on documents, and what a person said of them. A vote that was
    right on r of n has the mean of a beta distribution, (10 c + r) / (10 + n), c being what was
    stated: so few judgements move little. Counts are (right, n) by vote.
    """
    heads: dict[str, Head] = {}
    counts: dict[str, list[tuple[int, int]]] = {}
    for name, head in spec.heads.items():
        if name not in judged:
            heads[name], counts[name] = head, [(0, 0)] * len(head.votes)
            continue
        cast, truth = judged[name]
        counts[name] = [
            (int((cast.hits[:, at] & (truth == vote.label)).sum()), int(cast.hits[:, at].sum()))
            for at, vote in enumerate(head.votes)
        ]
        heads[name] = head.model_copy(update={"votes": _moved(head.votes, counts[name])})
    return spec.model_copy(update={"heads": heads}), counts


def _moved(votes: Sequence[Vote], counts: Sequence[tuple[int, int]]) -> tuple[Vote, ...]:
    moved = []
    for vote, (right, number) in zip(votes, counts, strict=True):
        mean = (STATED_WEIGHT * vote.confidence + right) / (STATED_WEIGHT + number)
        moved.append(vote.model_copy(update={"confidence": min(max(mean, LOWEST), HIGHEST)}))
    return tuple(moved)
