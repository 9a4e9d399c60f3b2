"""License: what licence a file says that it has, and how long it says so; headers can be cut."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.stage import Stage
from skypile.stages.license_headers import header_lines, without_header
from skypile.stages.license_texts import license_of

__all__ = ["HEAD_BYTES", "License"]

HEAD_BYTES = 8192
# One of these stands in every header and every text of a licence.
_WORDS = (
    "license", "licence", "copyright", "public domain", "spdx", "permission to use",
    "all rights reserved", "(c) ", "©",
)  # fmt: skip
_GATE = "(?i)" + "|".join(word.replace("(", r"\(").replace(")", r"\)") for word in _WORDS)
# BSD-4-Clause speaks of its advertising clause some 900 characters behind its first line.
_BEFORE_CHARS, _BEHIND_CHARS = 200, 1500


class License(Stage):
    """Documents of domain `code` have the licence that they tell of; others have null.

    `license`: an SPDX expression by SPDX-License-Identifier or by common headers and texts in the
    first 8 KiB, null where nothing is told (`LicenseRef-Public-Domain` where the text says so).
    `license_header_chars`: how long the paragraphs about rights are in the comments that the file
    begins with, line ends included; a description between them does not count.

    `cut: true` takes these lines out (as for The Stack and StarCoder); `license_removed_chars` are
    the characters taken out. Shebangs and other comments stay.
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "domain")
    version: ClassVar[int] = 1

    cut: bool = False

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns: `license` string, the others int64; and `text` where headers are cut."""
        columns = {"license": pa.string(), "license_header_chars": pa.int64()}
        if self.cut:
            columns |= {"license_removed_chars": pa.int64(), "text": pa.string()}
        return columns

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text").cast(pa.string())
        code = np.asarray(pc.equal(batch.column("domain"), "code").fill_null(False))
        heads = pc.binary_slice(texts.cast(pa.binary()), 0, HEAD_BYTES)
        told = np.asarray(pc.match_substring_regex(heads, _GATE))
        names: list[str | None] = [None] * len(texts)
        chars, removed = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
        cut: dict[int, str] = {}
        for row in np.flatnonzero(code & told).tolist():
            head = heads[row].as_py().decode("utf-8", "ignore")
            names[row] = license_of(_about(head))
            header = header_lines(head)
            lines = head.split("\n")
            chars[row] = sum(len(lines[at]) + (at + 1 < len(lines)) for at in header)
            if header and self.cut:
                text = texts[row].as_py()
                cut[row] = without_header(text, header)
                removed[row] = len(text) - len(cut[row])
        columns = {
            "license": pa.array(names, pa.string()),
            "license_header_chars": pa.array(chars, mask=~code),
        }
        if self.cut:
            columns["license_removed_chars"] = pa.array(removed)
            columns["text"] = _replaced(texts, cut)
        return columns


def _about(head: str) -> str:
    """Return the part of `head` that words about rights stand in, and what a text of one needs."""
    low = head.lower()
    if len(low) != len(head):  # a letter such as İ, whose small form is longer
        return head
    # The gate folds a long s and the like, this does not.
    first = min((place for word in _WORDS if (place := low.find(word)) >= 0), default=0)
    last = max(low.rfind(word) for word in _WORDS)
    return head[max(0, first - _BEFORE_CHARS) : max(last, 0) + _BEHIND_CHARS]


def _replaced(texts: pa.StringArray, changed: dict[int, str]) -> pa.StringArray:
    if not changed:
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[list(changed)] = True
    return pc.replace_with_mask(
        texts, pa.array(mask), pa.array(list(changed.values()), pa.string())
    )
