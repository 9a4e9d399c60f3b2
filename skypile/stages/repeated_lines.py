"""RepeatedLines: texts without the lines that many other documents have."""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from skypile.kernels.buffers import utf8_view
from skypile.kernels.line_hashes import without_listed_lines
from skypile.lists.files import file_hash, list_path
from skypile.lists.lines import LineSet, counted_rows, line_set, seeds
from skypile.stage import Stage
from skypile.stages.counts import share
from skypile.stages.lines import strings

__all__ = ["RepeatedLines", "without_lines"]


class RepeatedLines(Stage):
    """Lines (or paragraphs) that a set lists are gone; `skypile lines` makes such sets.

    `lines` names the file. What is a line, when two are the same, and of which documents they are
    looked for (all; those of the same site; source code or not) is what the set was counted by: it
    holds those that at least so many documents have, be they the first to have it or not. With
    CCNet (Wenzek et al. 2020) and Dolma (Soldaini et al. 2024) the first copy of a paragraph stays,
    which depends on the order of documents and leaves each notice once.

    * `repeated_removed_lines_count`; `repeated_removed_chars`: by how many characters the text is
      shorter;
    * `repeated_removed_line_frac`: lines taken out, of those that are not blank.
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "prog_lang", "url")
    version: ClassVar[int] = 1

    lines: str

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002 - pydantic's signature
        """Refuse a file that is not there or no set of lines when the recipe is loaded."""
        self._set()

    def _set(self) -> LineSet:
        path = list_path(self.lines)
        return line_set(path, file_hash(path))

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: counts and characters int64, the share float64; and `text`."""
        return {
            "repeated_removed_lines_count": pa.int64(),
            "repeated_removed_chars": pa.int64(),
            "repeated_removed_line_frac": pa.float64(),
            "text": pa.string(),
        }

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns; documents that are not looked at have 0."""
        return without_lines(batch, self._set())

    def load(self) -> None:
        """Map the set into this process."""
        self._set()

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the set by the hash of its file."""
        data = super().fingerprint_data()
        del data["lines"]
        return data | {"set": file_hash(list_path(self.lines))}


def without_lines(batch: pa.RecordBatch, found: LineSet) -> dict[str, pa.Array]:
    """Return the columns of the stage for the documents of `batch` and the lines `found`."""
    spec, texts = found.spec, batch.column("text")
    looked = pa.array(counted_rows(batch, spec))
    data, borders, counted = without_listed_lines(
        *utf8_view(pc.if_else(looked, texts, "")), seeds(batch, spec), found.table,
        paragraphs=spec.unit == "paragraph", min_bytes=spec.min_bytes,
    )  # fmt: skip
    rewritten = pc.if_else(looked, strings(data, borders), texts.cast(pa.string()))
    chars = [pc.utf8_length(each).cast(pa.int64()) for each in (texts, rewritten)]
    return {
        "repeated_removed_lines_count": pa.array(counted[:, 0]),
        "repeated_removed_chars": pc.subtract(*chars),
        "repeated_removed_line_frac": pa.array(share(counted[:, 0], counted[:, 1])),
        "text": rewritten,
    }
