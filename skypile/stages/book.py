"""Book: licences of e-books are cut off, and what is no prose in a book is counted."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.kernels.book_lines import BOOK_FIELDS, book_counts
from skypile.kernels.buffers import utf8_view
from skypile.stage import Stage
from skypile.stages.counts import share

__all__ = ["Book", "without_licence"]

SHARES = {
    "hyphen_line_frac": ("hyphens", "lines"),
    "page_number_line_frac": ("page_numbers", "lines"),
    "contents_line_frac": ("contents", "lines"),
    "index_line_frac": ("index", "lines"),
    "lone_letter_word_frac": ("lone_letters", "words"),
    "lone_han_frac": ("lone_han", "han"),
}
_NAME = "Project Gutenberg"
# The lines that part a text of Project Gutenberg from header and licence, as they were written
# over the years (gutenberg.org, "The Project Gutenberg License"; older files: SMALL PRINT).
_STARTS = re.compile(
    r"^[ *]*(?:START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)|END[ *]*THE SMALL PRINT)"
    r"[^\n]{0,200}$\n?", re.MULTILINE | re.IGNORECASE,
)  # fmt: skip
_ENDS = re.compile(
    r"^[ *]*END OF (?:THE |THIS )?PROJECT GUTENBERG(?:'S|’S)?[^\n]{0,200}$",
    re.MULTILINE | re.IGNORECASE,
)


class Book(Stage):
    """The licence around a text of Project Gutenberg is cut off; what is no prose is counted.

    `gutenberg_removed_chars`: what was cut off; `gutenberg_count`: how often its name still stands
    in the text. Shares of the lines that are not blank: `hyphen_line_frac` (broken within a word),
    `page_number_line_frac`, `contents_line_frac` (a title, leaders and a page), `index_line_frac`
    (words, a comma and pages). `lone_letter_word_frac`: words of one letter other than a, I and O;
    `lone_han_frac`: Han characters with spaces on both sides. Both are what poor scans give.

    Documents over 8 MiB are judged by their first 8 MiB, but for the licence.
    """

    version: ClassVar[int] = 1

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: int64, and float64 where they are shares; and `text`."""
        columns = dict.fromkeys(("gutenberg_removed_chars", "gutenberg_count"), pa.int64())
        return {**columns, **dict.fromkeys(SHARES, pa.float64()), "text": pa.string()}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text").cast(pa.string())
        named = np.asarray(pc.match_substring(texts, _NAME, ignore_case=True), np.bool_)
        removed = np.zeros(len(texts), np.int64)
        rewritten = []
        for row in np.flatnonzero(named).tolist():
            text = texts[row].as_py()
            rewritten.append(without_licence(text))
            removed[row] = len(text) - len(rewritten[-1])
        if rewritten:
            mask, values = pa.array(named), pa.array(rewritten, pa.string())
            texts = pc.replace_with_mask(texts, mask, values)
        counted = book_counts(*utf8_view(texts))
        found = {name: counted[:, at] for at, name in enumerate(BOOK_FIELDS)}
        shares = {
            name: pa.array(share(found[part], found[whole]))
            for name, (part, whole) in SHARES.items()
        }
        count = pc.count_substring(texts, _NAME, ignore_case=True).cast(pa.int64())
        licence = {"gutenberg_removed_chars": pa.array(removed), "gutenberg_count": count}
        return {**licence, **shares, "text": texts}


def without_licence(text: str) -> str:
    """Return what stands between the last line that starts a book and the first that ends it."""
    begin = max((mark.end() for mark in _STARTS.finditer(text)), default=0)
    end = _ENDS.search(text, begin)
    return text[begin : end.start()] if end else text[begin:]
