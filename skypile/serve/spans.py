"""The places in a text that rules go by: terms, personal data, repetitions, broken characters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from skypile.kernels.buffers import utf8_view
from skypile.kernels.chinese_terms import CATEGORIES
from skypile.kernels.lexicon import lexicon_counts
from skypile.kernels.ngrams import DUP_SIZES, TOP_SIZES
from skypile.recipe import Recipe
from skypile.serve import span_lines, span_terms
from skypile.serve.span_text import Place, Text
from skypile.stages.lexicon import Lexicon
from skypile.stages.masking import Masked
from skypile.stages.pii import personal_data
from skypile.stages.secrets import secrets

__all__ = ["FINDERS", "MAX_SPANS", "SpanTold", "lexicon_places", "spans_of"]

MAX_SPANS = 1000
Finder = Callable[[Text], Iterator[Place]]

# Column -> what finds the places that it counts. A column that is not here has none: a mean, a
# share of a whole document, a score of a model.
FINDERS: dict[str, Finder] = {
    "gambling_term_frac": span_terms.gambling_terms,
    "boilerplate_line_frac": span_terms.boilerplate_lines,
    **{f"{name}_term_frac": partial(span_terms.category_terms, category=name)
       for name in CATEGORIES},
    "promotion_term_frac": span_terms.promotion,
    "phone_digit_frac": span_terms.phones,
    "mojibake_frac": span_terms.mojibake,
    "ornament_frac": span_terms.ornaments,
    "broken_char_frac": span_terms.broken,
    "disguise_char_frac": span_terms.disguise,
    "dup_line_frac": span_lines.dup_lines,
    "dup_line_char_frac": span_lines.dup_lines,
    "dup_paragraph_frac": span_lines.dup_paragraphs,
    "dup_paragraph_char_frac": span_lines.dup_paragraphs,
    **{f"top_{n}gram_frac": partial(span_lines.top_grams, size=n) for n in TOP_SIZES},
    **{f"dup_{n}gram_frac": partial(span_lines.dup_grams, size=n) for n in DUP_SIZES},
    "ellipsis_line_frac": span_lines.ellipsis_lines,
    "bullet_line_frac": span_lines.bullet_lines,
    "bare_line_frac": span_lines.bare_lines,
    "line_upto_30_frac": span_lines.short_lines,
    "bracketed_frac": span_lines.bracketed,
    "unpunctuated_chars": span_lines.unpunctuated,
    "keyword_char_frac": span_lines.keywords,
    "numbered_again_frac": span_lines.numbered_again,
    "code_line_max_chars": span_lines.longest_code_line,
}  # fmt: skip


class SpanTold(BaseModel):
    """Characters of `text` that a rule counts, or that are personal data or secrets."""

    start: int = Field(description="the first character, counted in code points from 0")
    stop: int = Field(description="the character behind the last")
    label: str = Field(description="what stands there")
    column: str | None = Field(description="the column that counts it, of a rule that was tested")
    deciding: bool = Field(description="whether that column decided")


def spans_of(
    text: str, recipe: Recipe, tested: Collection[str], deciding: str
) -> tuple[list[dict[str, Any]], bool]:
    """Return the spans of the columns `tested`, and whether some are left out.

    In order of their starts; of more than MAX_SPANS those of the column `deciding` come first.
    Personal data and secrets are always looked for.
    """
    seen = Text(text)
    found: list[tuple[Place, str | None]] = []
    for column in sorted(tested):
        if column in FINDERS:
            # They come in order, so no later one can be among those that are told.
            places = islice(FINDERS[column](seen), MAX_SPANS + 1)
            found += [(place, column) for place in places]
    found += [(place, column if column in tested else None) for place, column in _values(text)]
    for stage in (one for step in (*recipe.steps, *recipe.score) for one in step.stages):
        if isinstance(stage, Lexicon):
            found += _lexicon(text, stage, tested)
    found.sort(key=lambda each: (each[1] != deciding, each[0]))
    cut = len(found) > MAX_SPANS
    spans = [
        {**place._asdict(), "column": column, "deciding": column == deciding and bool(deciding)}
        for place, column in sorted(found[:MAX_SPANS], key=lambda each: each[0])
    ]
    return spans, cut


def _values(text: str) -> Iterator[tuple[Place, str]]:
    """Yield personal data and secrets, with the columns that count them."""
    texts = pa.array([text], pa.string())
    at = _Chars(text)
    for prefix, found in (("pii", personal_data(texts)), ("secret", secrets(texts))):
        for each in found:
            yield at.place(each), f"{prefix}_{each.kind}_count"


class _Chars:
    """Turns bytes of a text in UTF-8 into its characters."""

    def __init__(self, text: str) -> None:
        data = np.frombuffer(text.encode(), np.uint8)
        # How many characters begin before each byte.
        self._before = np.r_[0, np.cumsum((data & 0xC0) != 0x80)]

    def of(self, byte: int) -> int:
        return int(self._before[byte])

    def place(self, found: Masked) -> Place:
        return Place(self.of(found.start), self.of(found.stop), found.kind.replace("_", " "))


def lexicon_places(text: str, stage: Lexicon) -> Iterator[tuple[Place, str]]:
    """Yield the hits of a stage `lexicon`, with their categories."""
    terms, categories = stage._terms()
    data, offsets = utf8_view(pa.array([text], pa.string()))
    _, _, hits, _ = lexicon_counts(data, offsets, terms, len(categories), listing=True)
    at = _Chars(text)
    for _, start, stop, category in hits.tolist():
        name = categories[category]
        yield (
            Place(at.of(start - int(offsets[0])), at.of(stop - int(offsets[0])), f"{name} term"),
            name,
        )


def _lexicon(
    text: str, stage: Lexicon, tested: Collection[str]
) -> Iterator[tuple[Place, str | None]]:
    for place, category in lexicon_places(text, stage):
        prefix = f"lexicon_{category}_"
        columns = sorted(name for name in tested if name.startswith(prefix))
        yield place, columns[0] if columns else None
