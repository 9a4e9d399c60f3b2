"""UrlLists: whether the URL of a document is on lists of domains and URLs, by category."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from skypile.kernels import urls
from skypile.kernels.buffers import utf8_view
from skypile.lists.domains import UrlFile, UrlSet, ascii_url, url_files, url_set, urls_hash
from skypile.lists.files import list_path
from skypile.lists.terms import CATEGORY
from skypile.stage import Stage

__all__ = ["UrlLists"]


class UrlLists(Stage):
    """Say which lists the URL of a document is on.

    `lists` names files or folders for each category: hosts files, domains or URLs a line, Adblock's
    filters of whole domains (`||domain^`), `*.domain`, and folders of UT1 with `domains` and
    `urls`. A listed domain covers those below it; a listed URL those that go on behind it at `/`,
    `?` or `&`, whatever scheme, port and `www.`. `allow` names lists of the same kinds: what is on
    one of them, or allowed by a filter (`@@||domain^`), is on no other one.

    `url_CATEGORY_count` is 0, 1, or 2 where both the domain and the URL are listed;
    `url_malformed_count` is 1 where no host can be made out. No URL is on no list.
    """

    reads: ClassVar[tuple[str, ...]] = ("url",)
    version: ClassVar[int] = 1

    lists: dict[str, tuple[str, ...]] = Field(min_length=1)
    allow: tuple[str, ...] = ()

    @field_validator("lists")
    @classmethod
    def _named(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name in value:
            if not CATEGORY.fullmatch(name) or name == "malformed":
                raise ValueError(f"category {name!r}: give letters a-z, digits and _")
        return value

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002 - pydantic's signature
        """Refuse lists that are not there when the recipe is loaded."""
        urls_hash(self._files)

    @property
    def _files(self) -> tuple[UrlFile, ...]:
        named = [(path, name) for name, paths in sorted(self.lists.items()) for path in paths]
        named += [(path, "") for path in self.allow]
        return tuple(file for path, name in named for file in url_files(list_path(path), name))

    def _urls(self) -> UrlSet:
        return url_set(self._files)

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """One int64 column for each category, and `url_malformed_count`."""
        return dict.fromkeys(
            [*(f"url_{name}_count" for name in sorted(self.lists)), "url_malformed_count"],
            pa.int64(),
        )

    def load(self) -> None:
        """Map the compiled lists into this process."""
        self._urls()

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        table, categories = self._urls()
        column = batch.column("url").cast(pa.large_string())
        counts, outcomes = urls.url_counts(*utf8_view(column), table, len(categories))
        wide = np.flatnonzero(outcomes == urls.NOT_ASCII)
        if wide.size:
            made = [ascii_url(url) for url in pc.take(column, pa.array(wide)).to_pylist()]
            again = utf8_view(pa.array(made, pa.large_string()))
            counts[wide], outcomes[wide] = urls.url_counts(*again, table, len(categories))
        bad = (outcomes == urls.BAD) | (outcomes == urls.NOT_ASCII)
        columns = {f"url_{name}_count": counts[:, at] for at, name in enumerate(categories)}
        columns["url_malformed_count"] = bad.astype(np.int64)
        return {name: pa.array(columns[name], pa.int64()) for name in self.writes}

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the lists by the hash of their files."""
        data = super().fingerprint_data()
        del data["lists"], data["allow"]
        return data | {"urls": urls_hash(self._files)}
