"""Source code or prose: the log odds from lines of programs and lines of words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.kernels.buffers import utf8_view
from skypile.kernels.listing import FIELDS, listing_counts

__all__ = ["CODE_WEIGHTS", "code_features", "code_scores", "short_penalty"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Feature -> weight; fitted, and judged on sources that were held out, by
# benchmarks/fit_code_router.py.
CODE_WEIGHTS = {
    "prose_to_code": -0.14,
    "prose_log": -1.50,
    "headed": -2.79,
    "page_prose": -3.10,
    "comment": 5.40,
    "hash": 2.66,
    "quoted": 2.78,
    "prose": 1.57,
    "code": 0.90,
    "markup": -3.22,
    "foreign": -3.93,
    "names": 0.34,
    "scopes": 0.22,
    "quotes": 1.37,
    "math": -1.58,
    "code_lines": 2.38,
    "ends": 1.69,
    "starts": 0.73,
    "keywords": 2.64,
    "indented": 3.81,
}
_BIAS = -1.14
# A few words say little either way: a text of fewer characters must look the more like code.
_SHORT_CHARS = 200.0
# So many characters of prose and of code stand for none at all.
_FEW_CHARS = 30.0
_MOST_PROSE = 4.0
# Manual pages have more headings than programs have lines all in capitals.
_MOST_HEADS = 4


def code_features(text: pa.Array, rows: Ints) -> Floats:
    """Return (len(rows), features), columns in the order of CODE_WEIGHTS, without a bias.

    `prose_to_code`, `prose_log` are logarithms; `headed` is 0 to 1 from none to four headings;
    `names`, `scopes`, `quotes`, `math` are square roots of shares; the others are shares: of all
    characters (`page_prose`, `comment`, `hash`, `quoted`), of bare ones (`prose`, `code`, `markup`,
    `foreign`), of bare lines (`code_lines`, `ends`, `starts`, `keywords`, `indented`).
    """
    matrix = listing_counts(*utf8_view(text), rows).astype(np.float64)
    found = {name: matrix[:, at] for at, name in enumerate(FIELDS)}
    solid, bare = np.maximum(found["solid"], 1), np.maximum(found["bare"], 1)
    lines = np.maximum(found["bare_lines"], 1)
    prose, code = found["prose"] + _FEW_CHARS, found["code"] + _FEW_CHARS
    # One line that begins with `#` is as well a heading.
    hashes = np.where(found["hash_lines"] > 1, found["hash"], 0)
    columns = {
        "prose_to_code": np.log(prose / code),
        "prose_log": np.minimum(np.log(prose / _FEW_CHARS), _MOST_PROSE),
        "headed": np.minimum(found["heads"], _MOST_HEADS) / _MOST_HEADS,
        "page_prose": found["prose"] / solid,
        "comment": found["comment"] / solid,
        "hash": hashes / solid,
        "quoted": found["quoted"] / solid,
        **{name: found[name] / bare for name in ("prose", "code", "markup", "foreign")},
        **{name: np.sqrt(found[name] / bare) for name in ("names", "scopes", "quotes", "math")},
        **{
            name: found[name] / lines
            for name in ("code_lines", "ends", "starts", "keywords", "indented")
        },
    }
    return np.stack([columns[name] for name in CODE_WEIGHTS], axis=1)


def code_scores(text: pa.Array, rows: Ints, chars_count: Floats) -> Floats:
    """Return (len(rows),): the log odds that the texts are source code, not prose.

    `chars_count`: characters of these rows that are no spaces.
    """
    total = _BIAS - short_penalty(chars_count)
    # Term by term: the sum of a matrix product depends on the machine's BLAS.
    for feature, weight in zip(code_features(text, rows).T, CODE_WEIGHTS.values(), strict=True):
        total += weight * feature
    return total


def short_penalty(chars_count: Floats) -> Floats:
    """Return what the log odds of texts of so many characters are lowered by."""
    return np.maximum(_SHORT_CHARS / np.maximum(chars_count, 1) - 1, 0)
