"""Chinese: what tells advertisements, lists and the chrome of sites from Chinese prose."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from skypile.kernels import chinese
from skypile.kernels.buffers import utf8_view
from skypile.kernels.chinese_terms import LEAST_TERMS
from skypile.stage import Stage
from skypile.stages.counts import share

__all__ = ["LEAST_PROMOTION", "PROMOTION", "Chinese"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Column -> (part, whole) among the kernel's counts.
_SHARES = {
    "phone_digit_frac": ("phone_digits", "chars"),
    "teaser_line_char_frac": ("teaser_chars", "line_chars"),
    "keyword_char_frac": ("keyword_chars", "chars"),
    "said_again_frac": ("said_again", "phrases"),
    "numbered_again_frac": ("numbered_again", "phrases"),
    "rare_han_frac": ("rare", "han"),
    "broken_char_frac": ("broken", "chars"),
    "disguise_char_frac": ("disguise", "chars"),
}
# Page for page the same trade: a hospital's page has its telephone and words of a search engine.
PROMOTION, LEAST_PROMOTION = ("medical", "trade", "seo", "contact"), 5
# Fewer repetitions of a phrase than these are no repetition.
_LEAST_TIMES = 3


class Chinese(Stage):
    """Chinese documents have shares of terms that bad Chinese pages are full of, and their shapes.

    Documents of another domain, and of none, have null: no rule for Chinese holds for them.

    Shares are of the characters that are no spaces unless said otherwise; a share of nothing is 0.

    * `CATEGORY_terms_count`: how many different terms of a category of `kernels.chinese_terms`
      occur; `CATEGORY_term_frac`: the characters in them, 0 where fewer than LEAST_TERMS differ;
    * `promotion_term_frac`: characters in terms of medical, trade, seo and contact and in telephone
      numbers, 0 where fewer than five of the terms differ;
    * `phones_count`, `phone_digit_frac`: Chinese telephone numbers, and their digits;
    * `clause_mean_chars`: Chinese characters per end of a clause (，。！？； and , . ; ! ? behind a
      Chinese character), per document where it has none;
    * `teaser_line_char_frac`: of the characters in lines, those in lines of 15 to 250 that end in
      an ellipsis, or have one within their last 24 characters and no clause behind it;
    * `keyword_char_frac`: characters in runs of six and more segments of 2 to 12 characters without
      one of grammar: menus, tags, lists of goods;
    * `said_again_frac`: of the phrases (six Chinese characters in a row, whatever stands between
      them), those that occurred before; `numbered_again_frac`: those of them that stand around a
      number, within 16 characters; `title_phrase_frac`, `top_phrase_frac`: characters of the
      commonest phrase of the first line, and of all the text, times its occurrences, 0 where it
      occurs once or twice;
    * `rare_han_frac`: of the Chinese characters, those in the first level neither of GB 2312 nor of
      Big5; `broken_char_frac`: characters that stand for what could not be decoded, and runs of
      question marks in front of a Chinese character;
    * `disguise_char_frac`: characters that stand for letters or words which must not be found:
      circled and mathematical ones, pictographs, marks over characters, characters without width.

    Documents over 8 MiB are judged by their first 8 MiB.
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "domain")
    version: ClassVar[int] = 2

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: `_count` int64, the others float64."""
        counts = (*(f"{name}_terms_count" for name in chinese.CATEGORY_NAMES), "phones_count")
        shares = (*(f"{name}_term_frac" for name in chinese.CATEGORY_NAMES), *_SHARES)
        rest = ("promotion_term_frac", "title_phrase_frac", "top_phrase_frac", "clause_mean_chars")
        return dict.fromkeys(counts, pa.int64()) | dict.fromkeys((*shares, *rest), pa.float64())

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns, null where the domain is not `zh`."""
        is_chinese = pc.equal(batch.column("domain"), "zh").fill_null(False)
        matrix = chinese.bad_counts(*utf8_view(batch.column("text").filter(is_chinese)))
        columns = _columns({name: matrix[:, at] for at, name in enumerate(chinese.FIELDS)})
        rows = np.cumsum(np.asarray(is_chinese)) - 1
        places = pa.array(rows, mask=~np.asarray(is_chinese))
        return {
            name: pa.array(columns[name], dtype).take(places) for name, dtype in self.writes.items()
        }


def _columns(found: dict[str, Ints]) -> dict[str, Ints | Floats]:
    chars = found["chars"]
    columns: dict[str, Ints | Floats] = {"phones_count": found["phones"]}
    for name in chinese.CATEGORY_NAMES:
        terms = columns[f"{name}_terms_count"] = found[f"{name}_terms"]
        enough = np.where(terms >= LEAST_TERMS[name], found[f"{name}_chars"], 0)
        columns[f"{name}_term_frac"] = _bounded(enough, chars)
    for name, (part, whole) in _SHARES.items():
        columns[name] = _bounded(found[part], found[whole])
    terms = sum((found[f"{name}_terms"] for name in PROMOTION), np.zeros_like(chars))
    promoted = sum((found[f"{name}_chars"] for name in PROMOTION), found["phone_digits"])
    columns["promotion_term_frac"] = _bounded(
        np.where(terms >= LEAST_PROMOTION, promoted, 0), chars
    )
    for name in ("title_phrase", "top_phrase"):
        times = found[f"{name}s"]
        said = np.where(times >= _LEAST_TIMES, times * chinese.PHRASE_CHARS, 0)
        columns[f"{name}_frac"] = _bounded(said, chars)
    columns["clause_mean_chars"] = share(found["han"], np.maximum(found["clauses"], 1))
    return columns


def _bounded(part: Ints, whole: Ints) -> Floats:
    """Return part / whole, 1 at most: spaces within a term count, phrases may overlap."""
    return np.minimum(share(part, whole), 1.0)
