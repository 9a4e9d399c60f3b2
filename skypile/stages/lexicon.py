"""Lexicon: how much of a document are terms of lists, by category."""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field, field_validator

from skypile.kernels.buffers import utf8_view
from skypile.kernels.lexicon import lexicon_counts
from skypile.lists.files import list_path
from skypile.lists.terms import (
    ALLOWED_TERMS,
    CATEGORY,
    DEFAULT_TERMS,
    TermFile,
    TermSet,
    term_set,
    terms_hash,
)
from skypile.stage import Stage
from skypile.stages.counts import share

__all__ = ["Lexicon"]


class Lexicon(Stage):
    """Count the terms of lists in each document, by category.

    `lists` names files for each category (a term a line, or a JSON list); `files` those that name
    their categories (TERM<TAB>CATEGORY, or JSON {category: [terms]}); `allow` those of terms within
    which no other one counts. ``default`` stands for the package's own. Files are UTF-8, gzip or
    zstd; blank lines and those that begin with `#` are skipped. A relative path starts where the
    command was called.

    Case, full-width forms and the amount of white space do not matter. A term that begins or ends
    with a letter or digit of a script with words does so where a word does; one of Han, kana or
    Hangul may stand anywhere. Terms may reach over spaces, but over the end of a line only between
    two words. Hits of a category are taken from left to right, the longest at each place, none over
    another: `lexicon_CATEGORY_count` is their number, `lexicon_CATEGORY_distinct_count` that of
    different terms, `lexicon_CATEGORY_frac` the characters in them among all that are no white
    space.
    """

    version: ClassVar[int] = 1

    lists: dict[str, tuple[str, ...]] = Field(default={})
    files: tuple[str, ...] = ("default",)
    allow: tuple[str, ...] = ("default",)

    @field_validator("lists")
    @classmethod
    def _named(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name in value:
            if not CATEGORY.fullmatch(name):
                raise ValueError(f"category {name!r}: give letters a-z, digits and _")
        return value

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002 - pydantic's signature
        """Refuse lists that are not there when the recipe is loaded."""
        terms_hash(self._files)

    @property
    def _files(self) -> tuple[TermFile, ...]:
        named = [
            TermFile(DEFAULT_TERMS if path == "default" else list_path(path), "")
            for path in self.files
        ]
        sorted_lists = sorted(self.lists.items())
        named += [TermFile(list_path(path), name) for name, paths in sorted_lists for path in paths]
        named += [
            TermFile(ALLOWED_TERMS if path == "default" else list_path(path), "", allowed=True)
            for path in self.allow
        ]
        return tuple(named)

    def _terms(self) -> TermSet:
        return term_set(self._files)

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """Three columns for each category: int64, int64, float64."""
        return {
            f"lexicon_{name}_{what}": kind
            for name in self._terms().categories
            for what, kind in (
                ("count", pa.int64()), ("distinct_count", pa.int64()), ("frac", pa.float64())
            )
        }  # fmt: skip

    def load(self) -> None:
        """Map the compiled lists into this process."""
        self._terms()

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        terms, categories = self._terms()
        data, offsets = utf8_view(batch.column("text"))
        counts, chars, _, _ = lexicon_counts(data, offsets, terms, len(categories), listing=False)
        columns: dict[str, pa.Array] = {}
        for at, name in enumerate(categories):
            columns[f"lexicon_{name}_count"] = pa.array(counts[:, at, 0])
            columns[f"lexicon_{name}_distinct_count"] = pa.array(counts[:, at, 1])
            columns[f"lexicon_{name}_frac"] = pa.array(share(counts[:, at, 2], chars))
        return columns

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the lists by the hash of their files."""
        data = super().fingerprint_data()
        for name in ("lists", "files", "allow"):
            del data[name]
        return data | {"terms": terms_hash(self._files)}
