"""Stages that take lines out of texts: C4's, RefinedWeb's, and the chrome of pages."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from skypile.kernels import line_chrome, line_edits
from skypile.kernels.buffers import utf8_view
from skypile.kernels.line_text import ANYWHERE, PREFIX, SUFFIX, WORD_START, phrase_rows
from skypile.kernels.phrases import BOILERPLATE
from skypile.stage import Stage
from skypile.stages.counts import share

__all__ = ["COUNTERS", "POLICY", "BoilerplateLines", "C4Lines", "RefinedwebLines", "strings"]

# Phrases of notices on terms and cookies, as in C4's code (tensorflow_datasets, c4_utils.py).
POLICY = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip

# What the counters of pages count. The English plurals are those of DCLM's code, which reads
# RefinedWeb's "counter (e.g. 3 likes)" so (Li et al. 2024); the Chinese ones are ours.
COUNTERS = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes",
    "downvotes", "downloads", "views", "followers", "like", "share", "comment", "retweet",
    "repost", "quote", "bookmark", "upvote", "downvote", "download", "view", "follower", "点赞",
    "评论", "阅读", "浏览", "转发", "收藏", "回复", "粉丝", "关注", "播放", "下载", "查看",
    "人气", "点击", "分享",
)  # fmt: skip


def _phrase(value: str) -> str:
    phrase_rows((ANYWHERE, (value,)))
    return value


Phrase = Annotated[str, AfterValidator(_phrase)]


@lru_cache
def _c4_phrases() -> line_edits.Phrases:
    return phrase_rows(
        (ANYWHERE, ("lorem ipsum",)), (ANYWHERE, ("javascript",)), (ANYWHERE, POLICY)
    )


@lru_cache
def _edits(
    prefixes: tuple[str, ...], suffixes: tuple[str, ...], phrases: tuple[str, ...]
) -> line_edits.Phrases:
    return phrase_rows((PREFIX, prefixes), (SUFFIX, suffixes), (ANYWHERE, phrases))


@lru_cache
def _counters() -> line_edits.Phrases:
    return phrase_rows((ANYWHERE, COUNTERS))


@lru_cache
def _boilerplate(phrases: tuple[str, ...]) -> line_edits.Phrases:
    latin = tuple(phrase for phrase in phrases if phrase[0].isascii())
    return phrase_rows((WORD_START, latin), (ANYWHERE, (p for p in phrases if p not in latin)))


class C4Lines(Stage):
    """Only lines that C4 takes for prose are left (Raffel et al. 2020, by the code of its data).

    A line loses marks of citations (`[1]`, `[edit]`, `[citation needed]`) and the spaces at its
    ends. It goes if it has a word of over `max_word_chars` characters, if it does not end in one of
    `.` `?` `!` `"` `'` or ends in `...` (not with `terminal: false`), if it has fewer than
    `min_words` words, or if it says "javascript" or a phrase of POLICY. Blank lines go too.

    With `chinese` a line may also end in one of 。！？；｡．”’」』, in …… (not in a single …, which
    cuts a text off), and in a mark and a closing bracket; every CJK character is a word, and only
    what stands between such has a length.

    * `c4_removed_lines_count`: lines taken out that were not blank; `c4_removed_chars`: by how many
      characters the text is shorter;
    * `c4_lorem_ipsum_count`, `c4_brace_count`: lines that reach this rule in C4's order and have
      "lorem ipsum", an opening brace: C4 drops their pages;
    * `c4_sentences_count`: sentences in lines that stay: sentence ends as in stage `counts`, and
      what stands behind the last of a line.
    """

    version: ClassVar[int] = 1

    terminal: bool = True
    min_words: int = Field(default=3, ge=1)
    max_word_chars: int = Field(default=1000, ge=1)
    chinese: bool = True

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns, all int64, and `text`."""
        names = ("removed_lines_count", "removed_chars", "lorem_ipsum_count", "brace_count",
                 "sentences_count")  # fmt: skip
        return {**{f"c4_{name}": pa.int64() for name in names}, "text": pa.string()}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text")
        data, borders, counted = line_edits.without_c4_lines(
            *utf8_view(texts), _c4_phrases(), terminal=self.terminal, chinese=self.chinese,
            min_words=self.min_words, max_word_chars=self.max_word_chars,
        )  # fmt: skip
        rewritten = strings(data, borders)
        return {
            "c4_removed_lines_count": pa.array(counted[:, 0]),
            "c4_removed_chars": _shorter(texts, rewritten),
            "c4_lorem_ipsum_count": pa.array(counted[:, 1]),
            "c4_brace_count": pa.array(counted[:, 2]),
            "c4_sentences_count": pa.array(counted[:, 3]),
            "text": rewritten,
        }


class RefinedwebLines(Stage):
    """Lines that RefinedWeb takes for leftovers are gone (Penedo et al. 2023, appendix G).

    A line goes if over `max_upper_frac` of its characters are capitals, if it has no characters but
    digits, if it is a counter (a number and what was counted so often, of COUNTERS), or if it has
    fewer than `min_words` words. Of lines of up to `max_words` words, phrases are taken out:
    `prefixes` at their start, `suffixes` at their end, `phrases` anywhere; a line of which nothing
    is left goes. With `chinese` every CJK character is a word. Blank lines stay. Which lines are
    edited follows DCLM's code (Li et al. 2024), since the paper gives examples only.

    * `refinedweb_removed_lines_count`, `refinedweb_edited_lines_count`;
      `refinedweb_removed_chars`: by how many characters the text is shorter;
    * `refinedweb_removed_word_frac`: words that are gone, of those of the text as it was.
    """

    version: ClassVar[int] = 1

    max_upper_frac: float = Field(default=0.5, gt=0, le=1)
    min_words: int = Field(default=2, ge=1)
    max_words: int = Field(default=10, ge=0)
    prefixes: tuple[Phrase, ...] = ("sign-in",)
    suffixes: tuple[Phrase, ...] = ("read more...", "read more…")
    phrases: tuple[Phrase, ...] = ("items in cart",)
    chinese: bool = True

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: counts and characters int64, the share float64; and `text`."""
        whole = ("removed_lines_count", "edited_lines_count", "removed_chars")
        return {
            **{f"refinedweb_{name}": pa.int64() for name in whole},
            "refinedweb_removed_word_frac": pa.float64(),
            "text": pa.string(),
        }

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text")
        data, borders, counted = line_edits.without_refinedweb_lines(
            *utf8_view(texts), _edits(self.prefixes, self.suffixes, self.phrases), _counters(),
            chinese=self.chinese, max_upper_frac=self.max_upper_frac, min_words=self.min_words,
            max_words=self.max_words,
        )  # fmt: skip
        rewritten = strings(data, borders)
        return {
            "refinedweb_removed_lines_count": pa.array(counted[:, 0]),
            "refinedweb_edited_lines_count": pa.array(counted[:, 1]),
            "refinedweb_removed_chars": _shorter(texts, rewritten),
            "refinedweb_removed_word_frac": pa.array(
                share(counted[:, 2] - counted[:, 3], counted[:, 2])
            ),
            "text": rewritten,
        }


class BoilerplateLines(Stage):
    """Short lines with a phrase of navigation, consent, copyright or advertising are gone.

    A line goes if it has up to `max_chars` characters and one of `phrases` (lower case, four bytes
    and more; one that begins with a Latin letter matches at the start of a word only) stands alone
    in it: no letter on either side, or on one of them where the line does not end as a sentence
    does. Phrases side by side count as one; beside a Latin phrase no word may stand. So "下一篇：…"
    and "关注公众号，…" go, "在下一篇文章中" and longer lines stay. Blank lines stay.

    * `boilerplate_removed_lines_count`; `boilerplate_removed_chars`: by how many characters the
      text is shorter;
    * `boilerplate_removed_line_frac`: lines taken out, of those that are not blank.
    """

    version: ClassVar[int] = 1

    max_chars: int = Field(default=60, ge=1)
    phrases: tuple[Phrase, ...] = BOILERPLATE

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: counts and characters int64, the share float64; and `text`."""
        return {
            "boilerplate_removed_lines_count": pa.int64(),
            "boilerplate_removed_chars": pa.int64(),
            "boilerplate_removed_line_frac": pa.float64(),
            "text": pa.string(),
        }

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text")
        data, borders, counted = line_chrome.without_boilerplate(
            *utf8_view(texts), _boilerplate(self.phrases), max_chars=self.max_chars
        )
        rewritten = strings(data, borders)
        return {
            "boilerplate_removed_lines_count": pa.array(counted[:, 0]),
            "boilerplate_removed_chars": _shorter(texts, rewritten),
            "boilerplate_removed_line_frac": pa.array(share(counted[:, 0], counted[:, 1])),
            "text": rewritten,
        }


def strings(data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]) -> pa.StringArray:
    """Return the column whose values are the bytes between `borders`."""
    found = pa.LargeStringArray.from_buffers(
        len(borders) - 1, pa.py_buffer(borders), pa.py_buffer(data)
    )
    return found.cast(pa.string())


def _shorter(before: pa.Array, after: pa.Array) -> pa.Array:
    lengths = (pc.utf8_length(each).cast(pa.int64()) for each in (before, after))
    return pc.subtract(*lengths)
