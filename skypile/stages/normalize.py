"""Normalize: one form for what looks the same, and broken decoding repaired where it can be."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from skypile.kernels import normal_clean, normal_scan
from skypile.kernels.buffers import utf8_view
from skypile.stage import Stage
from skypile.stages.normalize_compose import composed
from skypile.stages.normalize_entities import unescaped
from skypile.stages.normalize_gbk import repaired_gbk
from skypile.stages.normalize_latin import repaired_latin

__all__ = ["Normalize"]

Ints = npt.NDArray[np.int64]

# Files of these languages are text; in others a string may hold what it would lose here.
TEXT_LANGUAGES = ("markdown", "rst", "tex", "text")
# In the order of normal_clean.COUNTS, then those of the functions below.
COUNTED = (
    "control_count", "bidi_count", "line_end_count", "trailing_space_count", "full_width_count",
    "zero_width_count", "entity_count", "mojibake_repaired_chars", "nfc_count",
)  # fmt: skip
_ENTITIES, _REPAIRED, _COMPOSED = 6, 7, 8


class Normalize(Stage):
    """Every text is in one form: NFC, line feeds, nothing invisible, decoded as it was encoded.

    What is done is counted: `control_count`, `bidi_count`, `zero_width_count`, `line_end_count`,
    `trailing_space_count`, `full_width_count` and `entity_count` in things that went or were
    replaced; `nfc_count` in places that NFC changed; `mojibake_repaired_chars` in broken characters
    that were turned back. `replacement_count` (U+FFFD) and `mojibake_lost_chars` (锟斤拷, and three
    and more of 烫 or 屯) count what stays in the text, since nothing leads back from it.
    `normalize_removed_chars` is by how many characters the text became shorter.

    Files of programming languages only have their line ends made one. A text to which nothing is
    done stays as it is, byte for byte; a text that was normalised is not changed again.
    """

    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("text", "prog_lang")

    nfc: bool = True
    mojibake: bool = True
    controls: bool = True
    directions: bool = True
    zero_width: bool = True
    line_ends: bool = True
    trailing_spaces: bool = False
    full_width: bool = False
    entities: bool = False

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns, all int64, and `text`."""
        left = ("replacement_count", "mojibake_lost_chars", "normalize_removed_chars")
        return {**dict.fromkeys((*COUNTED, *left), pa.int64()), "text": pa.string()}

    def fingerprint_data(self) -> dict[str, Any]:
        """Return options and version, and the version of Unicode by which NFC goes."""
        return super().fingerprint_data() | {"unicode": unicodedata.unidata_version}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        read = batch.column("text").cast(pa.string())
        needs, lost = normal_scan.scan(read, self._looked_for())
        nothing = pa.array(np.zeros(len(read), np.int64))
        columns = dict.fromkeys(self.writes, nothing) | {"text": read}
        if needs.any():
            code = _is_code(batch.column("prog_lang"))
            rows = np.flatnonzero(needs & self._may(code))
            counts = np.zeros((len(read), len(COUNTED)), np.int64)
            changed, texts = self._settled(read, rows, needs, lost, code, counts)
            before, after = (pc.utf8_length(part) for part in (read.take(changed), texts))
            removed = np.zeros(len(read), np.int64)
            removed[changed] = np.maximum(np.asarray(pc.subtract(before, after)), 0)
            columns |= {name: pa.array(counts[:, at]) for at, name in enumerate(COUNTED)}
            columns["normalize_removed_chars"] = pa.array(removed)
            columns["text"] = _replaced(read, changed, texts)
        if lost.any():
            columns["replacement_count"] = pa.array(lost[:, 0])
            columns["mojibake_lost_chars"] = pa.array(lost[:, 1])
        return columns

    def _settled(
        self,
        read: pa.StringArray,
        rows: Ints,
        needs: npt.NDArray[np.uint8],
        lost: Ints,
        code: npt.NDArray[np.bool_],
        counts: Ints,
    ) -> tuple[Ints, pa.StringArray]:
        """Return which of `rows` change, and to what; bring needs, lost and counts up to date.

        A text is passed through until nothing changes. Each round but the last shortens what it
        changes by half at least, so there are at most as many as its length has binary digits.
        """
        places, texts = np.arange(len(rows)), read.take(pa.array(rows))
        begun = texts
        while len(places):
            at = rows[places]
            part = texts.take(pa.array(places))
            rewritten = self._pass(part, needs[at] & self._may(code[at]), code[at], counts, at)
            differs = np.asarray(pc.not_equal(part, rewritten))
            places, at = places[differs], at[differs]
            rewritten = rewritten.filter(pa.array(differs))
            texts = _replaced(texts, places, rewritten)
            needs[at], lost[at] = normal_scan.scan(rewritten, self._looked_for())
            places = places[needs[at] & self._may(code[at]) != 0]
        differs = np.asarray(pc.not_equal(begun, texts))
        return rows[differs], texts.filter(pa.array(differs))

    def _looked_for(self) -> int:
        wanted = normal_scan.SPACE_ENDS * self.trailing_spaces
        wanted |= normal_scan.AMPERSANDS * self.entities
        return int(wanted | normal_scan.WIDE_FORMS * self.full_width)

    def _may(self, code: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Return which needs of each document are met."""
        text = normal_scan.CLEAN | normal_scan.COMPOSE * self.nfc
        text |= normal_scan.REPAIR * self.mojibake | normal_scan.ENTITY * self.entities
        return np.where(code, normal_scan.CLEAN, text).astype(np.uint8)

    def _cleaning(self) -> int:
        return int(
            normal_clean.CONTROLS * self.controls
            | normal_clean.DIRECTIONS * self.directions
            | normal_clean.LINES * self.line_ends
            | normal_clean.SPACES * self.trailing_spaces
            | normal_clean.WIDTHS * self.full_width
            | normal_clean.ZEROS * self.zero_width
        )

    def _pass(
        self,
        texts: pa.StringArray,
        needs: npt.NDArray[np.uint8],
        code: npt.NDArray[np.bool_],
        counts: Ints,
        rows: Ints,
    ) -> pa.StringArray:
        """Return `texts` with each need met once; add to `counts` (all rows) what was done.

        Entities come first, since they may hide broken characters, and broken characters before
        what is invisible, since U+00AD and C1 controls are parts of them.
        """
        for need, at, function in (
            (normal_scan.ENTITY, _ENTITIES, unescaped),
            (normal_scan.REPAIR, _REPAIRED, repaired_latin),
            (normal_scan.REPAIR, _REPAIRED, repaired_gbk),
        ):
            texts = _each(texts, np.flatnonzero(needs & need), function, counts[:, at], rows)
        for kind, wanted in ((code, normal_clean.LINES), (~code, self._cleaning())):
            some = np.flatnonzero(kind & (needs & normal_scan.CLEAN != 0))
            if len(some):
                part = texts.take(pa.array(some))
                cleaned, done = _cleaned(part, self._cleaning() & wanted)
                texts = _replaced(texts, some, cleaned)
                counts[rows[some], : done.shape[1]] += done
        some = np.flatnonzero(needs & normal_scan.COMPOSE)
        return _each(texts, some, composed, counts[:, _COMPOSED], rows)


def _is_code(prog_lang: pa.Array) -> npt.NDArray[np.bool_]:
    prose = np.asarray(pc.is_in(prog_lang, value_set=pa.array(TEXT_LANGUAGES)), np.bool_)
    return ~np.asarray(pc.is_null(prog_lang), np.bool_) & ~prose


def _each(
    texts: pa.StringArray,
    some: Ints,
    function: Callable[[str], tuple[str, int]],
    counts: Ints,
    rows: Ints,
) -> pa.StringArray:
    """Return `texts` with those of the places `some` rewritten; add what was done to `counts`."""
    places, rewritten = [], []
    for place in some.tolist():
        text, done = function(texts[place].as_py())
        if done:
            places.append(place)
            rewritten.append(text)
            counts[rows[place]] += done
    return _replaced(texts, np.array(places, np.int64), pa.array(rewritten, pa.string()))


def _cleaned(texts: pa.StringArray, wanted: int) -> tuple[pa.StringArray, Ints]:
    data, offsets = utf8_view(texts)
    out, ends, done = normal_clean.cleaned(data, offsets, wanted)
    borders = pa.py_buffer(ends.astype(np.int32))
    return pa.StringArray.from_buffers(len(texts), borders, pa.py_buffer(out)), done


def _replaced(texts: pa.StringArray, rows: Ints, rewritten: pa.StringArray) -> pa.StringArray:
    if not len(rows):
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), rewritten)
