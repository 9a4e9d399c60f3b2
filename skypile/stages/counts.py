"""Counts: what kinds of characters, words and lines a document has."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.kernels.buffers import utf8_view
from skypile.kernels.counts import FIELDS, counts
from skypile.stage import Stage

__all__ = ["Counts"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Share of the characters that are not spaces -> the counts that it sums up.
CHAR_SHARES: dict[str, tuple[str, ...]] = {
    "han_frac": ("han",),
    "kana_frac": ("kana",),
    "hangul_frac": ("hangul",),
    "latin_frac": ("latin",),
    "cyrillic_frac": ("cyrillic",),
    "other_letter_frac": ("other",),
    "digit_frac": ("digit",),
    "cjk_punct_frac": ("cjk_punct",),
    "ascii_punct_frac": ("ascii_punct",),
    "punct_frac": ("cjk_punct", "ascii_punct", "symbol"),
    "ornament_frac": ("ornaments",),
    "bracketed_frac": ("bracketed",),
    "mojibake_frac": ("mojibake",),
    "gambling_term_frac": ("gambling_chars",),
}
WORD_SHARES = {
    "alpha_word_frac": "alpha",
    "plain_word_frac": "plain",
    "stop_word_frac": "stop",
    "hash_word_frac": "hashes",
    "ellipsis_word_frac": "ellipses",
}
LINE_SHARES = {
    "line_upto_10_frac": "short_10",
    "bare_line_frac": "bare",
    "line_upto_30_frac": "short_30",
    "bullet_line_frac": "bullets",
    "ellipsis_line_frac": "ellipsis_ends",
    "terminal_line_frac": "terminal_ends",
    "boilerplate_line_frac": "boilerplate",
    "indented_line_frac": "indented",
    "code_end_line_frac": "code_ends",
    "code_start_line_frac": "code_starts",
}
INTEGERS = {
    "hans_count": "hans",
    "hant_count": "hant",
    "function_chars_count": "function_distinct",
    "unpunctuated_chars": "unpunctuated",
    "sentences_count": "sentences",
    "gambling_terms_count": "gambling_terms",
    "words_count": "words",
    "stop_words_count": "stop_distinct",
    "lines_count": "lines",
    "line_max_chars": "line_max",
}
MEANS = (
    "function_chars_frac", "sentence_mean_chars", "word_mean_chars", "line_mean_chars",
    "newline_word_ratio",
)  # fmt: skip


class Counts(Stage):
    """Every document has its statistics of characters, words and lines.

    Shares of characters are of those that are no spaces (`chars_count`); of words (runs without
    spaces) and of lines (not blank, without the spaces at their ends) by their number; a share or
    a mean of nothing is 0. What is not said by a name:

    * `function_chars_frac`: characters that carry grammar (`kernels.chars.FUNCTION_CHARS`) among
      the Han ones; `function_chars_count`: how many different ones;
    * `hans_count`, `hant_count`: characters of only the simplified, only the traditional script;
    * `unpunctuated_chars`: the longest run of CJK characters without punctuation, whatever spaces
      stand within; `sentence_mean_chars`: characters per sentence end;
      `bracketed_frac`: those within 【】;
    * `char_entropy_nats`: entropy of single characters, corrected for length (Miller 1955);
    * `gambling_terms_count`, `gambling_term_frac`: different terms of `kernels.phrases.GAMBLING`,
      and the characters in them; `mojibake_frac`: characters that only broken decoding makes;
    * `stop_words_count`: how many of Gopher's eight stop words occur (Rae et al. 2021);
      `plain_word_frac`: words with a letter and without ASCII punctuation inside (but `'`, `-`);
    * `bare_line_frac`: lines of up to 10 characters that end without punctuation (menus do, verses
      do not); `boilerplate_line_frac`, `ellipsis_line_frac`: lines of up to 100 characters with a
      phrase of `kernels.phrases.BOILERPLATE`, that end in an ellipsis;
    * `newline_word_ratio`: line ends, of blank lines too, per word (FineWeb, Penedo et al. 2024);
    * `code_end_line_frac`: lines that end in one of `{};:),`; `code_start_line_frac`: that begin
      with `//`, `/*`, `*/`, `}`, `@`, or `#` and a small letter.

    Documents over 8 MiB are judged by their first 8 MiB, but for `text_bytes`.
    """

    version: ClassVar[int] = 2

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: `_count`, `_chars` and `_bytes` int64, the others float64."""
        whole = dict.fromkeys(("text_bytes", "chars_count", *INTEGERS), pa.int64())
        names = (*CHAR_SHARES, *WORD_SHARES, *LINE_SHARES, *MEANS, "space_frac")
        return {**whole, **dict.fromkeys((*names, "char_entropy_nats"), pa.float64())}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        data, offsets = utf8_view(batch.column("text"))
        matrix, nats = counts(data, offsets)
        columns = _columns({name: matrix[:, at] for name, at in FIELDS.items()})
        columns |= {"text_bytes": np.diff(offsets), "char_entropy_nats": nats}
        return {name: pa.array(columns[name], dtype) for name, dtype in self.writes.items()}


def _columns(found: dict[str, Ints]) -> dict[str, Ints | Floats]:
    groups = ("other", "latin", "digit", "han", "kana", "hangul", "cyrillic")
    chars = _sum(found, (*groups, "cjk_punct", "ascii_punct", "symbol"))
    columns: dict[str, Ints | Floats] = {"chars_count": chars}
    columns |= {name: found[field] for name, field in INTEGERS.items()}
    for name, fields in CHAR_SHARES.items():
        columns[name] = share(_sum(found, fields), chars)
    for name, field in WORD_SHARES.items():
        columns[name] = share(found[field], found["words"])
    for name, field in LINE_SHARES.items():
        columns[name] = share(found[field], found["lines"])
    columns["space_frac"] = share(found["space"], found["space"] + chars)
    columns["function_chars_frac"] = share(found["function"], found["han"])
    columns["sentence_mean_chars"] = share(chars, np.maximum(found["sentences"], 1))
    columns["word_mean_chars"] = share(chars, found["words"])
    columns["newline_word_ratio"] = share(found["newlines"], found["words"])
    columns["line_mean_chars"] = share(found["line_chars"], found["lines"])
    return columns


def _sum(found: dict[str, Ints], names: tuple[str, ...]) -> Ints:
    total = found[names[0]]
    for name in names[1:]:
        total = total + found[name]
    return total


def share(part: Ints, whole: Ints) -> Floats:
    """Return part / whole as float64, 0 where `whole` is 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)
