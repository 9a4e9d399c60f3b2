"""What nats of documents say of a model: per domain and on average, with intervals.

* bits per byte: nats / (ln 2 · bytes of UTF-8);
* nats per character;
* perplexity by a reference tokenizer: exp(nats / reference tokens), as Skywork-13B compares models
  of different tokenizers (arXiv 2310.19341, section 5); its average over domains is exp of the
  mean of the logarithms, not the mean of perplexities;
* perplexity by the model's own tokens.

Intervals are those of the bootstrap over documents (Efron 1979), 95 %, 1,000 resamples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DomainNats", "judgement"]

F64 = npt.NDArray[np.float64]
_RESAMPLES = 1000
_MEASURES = ("bits_per_byte", "nats_per_char", "reference_perplexity", "perplexity")


@dataclass(frozen=True)
class DomainNats:
    """Documents of a domain: for each its nats, bytes, characters, and tokens by two tokenizers."""

    name: str
    nats: F64
    bytes_count: F64
    chars_count: F64
    tokens: F64
    reference_tokens: F64

    @property
    def columns(self) -> F64:
        """All of it as (documents, 5)."""
        found: F64 = np.stack(
            [self.nats, self.bytes_count, self.chars_count, self.tokens, self.reference_tokens],
            axis=1,
        )
        return found


def _measures(sums: F64) -> F64:
    """Return the four measures of sums (..., 5), perplexities as logarithms.

    Not a number where nothing was scored, as in a resample of texts of one token each.
    """
    wholes = sums[..., [1, 2, 4, 3]] * [math.log(2), 1.0, 1.0, 1.0]
    found = np.full(wholes.shape, np.nan)
    np.divide(sums[..., :1], wholes, out=found, where=wholes > 0)
    return found


def judgement(domains: list[DomainNats], *, seed: int = 0) -> dict[str, Any]:
    """Return by domain, and for `average` (domains count alike) and `all` (documents do), measures.

    Each measure is {value, low, high}; a domain also has its counts.
    """
    draws = np.random.default_rng(seed)
    values, resampled, whole = [], [], []
    found: dict[str, Any] = {}
    for domain in domains:
        columns = domain.columns
        count = len(columns)
        # How often each document is drawn is all that matters to a sum.
        times = draws.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
        sums, resums = columns.sum(axis=0), times @ columns
        values.append(_measures(sums))
        resampled.append(_measures(resums))
        whole.append((sums, resums))
        found[domain.name] = _told(values[-1], resampled[-1]) | {
            "documents": count, "nats": float(sums[0]), "bytes": int(sums[1]),
            "chars": int(sums[2]), "tokens": int(sums[3]), "reference_tokens": int(sums[4]),
        }  # fmt: skip
    average = _told(np.mean(values, axis=0), np.mean(resampled, axis=0))
    sums, resums = (np.sum([pair[side] for pair in whole], axis=0) for side in (0, 1))
    return {"domains": found, "average": average, "all": _told(_measures(sums), _measures(resums))}


def _told(value: F64, resampled: F64) -> dict[str, dict[str, float]]:
    low, high = np.nanpercentile(resampled, [2.5, 97.5], axis=0)
    found = {}
    for number, name in enumerate(_MEASURES):
        three = {"value": value[number], "low": low[number], "high": high[number]}
        is_log = "perplexity" in name
        found[name] = {k: math.exp(v) if is_log else float(v) for k, v in three.items()}
    return found
