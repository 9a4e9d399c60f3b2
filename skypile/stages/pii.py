"""Pii: personal data is counted and, unless asked otherwise, replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
from pydantic import Field

from skypile.kernels import pii_shapes as shapes
from skypile.kernels.buffers import utf8_view
from skypile.kernels.pii import candidates
from skypile.kernels.pii_wide import FOLDED, disguised, folded
from skypile.stage import Stage
from skypile.stages import pii_accounts, pii_named, pii_network, pii_numbers, pii_phones
from skypile.stages.masking import Masked, apart, key_hash, keyed, rewritten
from skypile.stages.pii_near import BEFORE_BYTES, BEHIND_BYTES, PLACEHOLDER, Find, Near

__all__ = ["KINDS", "Pii", "personal_data"]

Kind = Literal[
    "email", "ipv4", "ipv6", "local_ip", "mobile", "landline", "phone", "resident_id", "bank_card",
    "passport", "plate", "wechat", "qq",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
# Addresses of no host of the Internet (private, loopback, documentation): nobody's.
NEVER_REPLACED = frozenset(("local_ip",))

# Shape -> the rule that judges it, and the kinds that it may find.
RULES: dict[int, tuple[Callable[[Near], list[Find]], frozenset[str]]] = {
    shapes.EMAIL: (pii_network.email, frozenset(("email",))),
    shapes.IPV6: (pii_network.ipv6, frozenset(("ipv6", "local_ip"))),
    shapes.IPV4: (pii_network.ipv4, frozenset(("ipv4", "local_ip"))),
    shapes.DIALLED: (pii_phones.dialled, frozenset(("mobile", "landline", "phone"))),
    shapes.MOBILE: (pii_phones.mobile, frozenset(("mobile", "phone"))),
    shapes.LONG: (pii_numbers.long_number, frozenset(("resident_id", "bank_card"))),
    shapes.CARD: (pii_numbers.card_groups, frozenset(("bank_card",))),
    shapes.LANDLINE: (pii_phones.landline, frozenset(("landline",))),
    shapes.AREA: (pii_phones.area, frozenset(("landline", "phone"))),
    shapes.SOLID: (pii_phones.solid, frozenset(("landline", "mobile", "phone"))),
    shapes.NANP: (pii_phones.nanp, frozenset(("phone",))),
    shapes.REGION: (pii_phones.region, frozenset(("phone",))),
    shapes.WECHAT: (pii_accounts.wechat, frozenset(("wechat",))),
    shapes.QQ: (pii_accounts.qq, frozenset(("qq",))),
    shapes.PASSPORT: (pii_named.passport, frozenset(("passport",))),
    shapes.PLATE: (pii_named.plate, frozenset(("plate",))),
    shapes.PLATED: (pii_named.plated, frozenset(("plate",))),
    shapes.EMBASSY: (pii_named.embassy, frozenset(("plate",))),
}  # fmt: skip
# Of two finds that begin at one place and are as long, the one with a word beside it counts.
_NAMED_FIRST = ("qq", "wechat", "passport")
# A placeholder is shorter than what it stands for, so that a word may come near enough to a number
# that it did not speak of before: one document of 5,000 with finds. How often such are looked for.
_LOOKS = 4
_FOLDED = str.maketrans(FOLDED)


def personal_data(
    texts: pa.Array, kinds: Collection[str] = KINDS, *, beside_placeholders: bool = False
) -> list[Masked]:
    """Return all personal data of these kinds, in order, no two of which overlap.

    `beside_placeholders`: only where one of this stage is within what a rule sees.
    """
    data, offsets = utf8_view(texts)
    wide = disguised(data, offsets)
    places, _ = candidates(data, offsets)
    look = _Look(frozenset(kinds), beside_placeholders)
    found = list(look.found(data, offsets, places[~wide[places[:, 0]]]))
    if wide.any():
        found += look.found_in_disguise(data, offsets, np.flatnonzero(wide))
    found.sort(key=lambda each: (each.row, each.start, -each.stop, each.kind not in _NAMED_FIRST))
    return list(apart(found))


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked for: these kinds, everywhere or beside placeholders only."""

    kinds: frozenset[str]
    beside_placeholders: bool

    def found(self, data: np.ndarray, offsets: np.ndarray, places: np.ndarray) -> Iterator[Masked]:
        """Yield the personal data among the candidates."""
        wanted = [shape for shape, (_, may) in RULES.items() if may & self.kinds]
        judged = places[np.isin(places[:, 3], wanted)]
        for row, start, stop, shape in zip(*judged.T.tolist(), strict=True):
            for each in self._judged(data, offsets, row, start, stop, shape):
                if each.kind in self.kinds:
                    yield each

    def _judged(
        self, data: np.ndarray, offsets: np.ndarray, row: int, start: int, stop: int, shape: int
    ) -> Iterator[Masked]:
        begin, end = int(offsets[row]), int(offsets[row + 1])
        first, last = max(begin, start - BEFORE_BYTES), min(end, stop + BEHIND_BYTES)
        text = data[first:last].tobytes()
        if self.beside_placeholders and not PLACEHOLDER.search(text):
            return
        near = Near(text, start - first, stop - first)
        moved = first - begin
        for each in RULES[shape][0](near):
            if first + each.stop == last < end:
                return  # the end of a list, cut where the rule's sight ends
            value = text[each.start : each.stop]
            yield Masked(row, each.kind, each.start + moved, each.stop + moved, value)

    def found_in_disguise(
        self, data: np.ndarray, offsets: np.ndarray, rows: np.ndarray
    ) -> Iterator[Masked]:
        """Yield what is found in these rows once they are folded, by its place in the rows."""
        ascii_data, borders, source = folded(data, offsets, rows)
        places, _ = candidates(ascii_data, borders)
        for each in self.found(ascii_data, borders, places):
            row, moved = int(rows[each.row]), int(borders[each.row])
            start, last = int(source[moved + each.start]), int(source[moved + each.stop - 1])
            begin = int(offsets[row])
            lead = int(data[begin + last])
            stop = last + (1 if lead < 0xC0 else 2 if lead < 0xE0 else 3)
            value = data[begin + start : begin + stop].tobytes()
            yield Masked(row, each.kind, start, stop, value)


class Pii(Stage):
    """Personal data of every document is counted, and replaced in its text unless `replace: none`.

    `pii_KIND_count` for each of `kinds`; `pii_count` all that is replaced (or would be), so all
    but `local_ip`; `pii_replaced_chars` the characters that were taken out.

    `replace: keyed` puts ``<KIND_tag>``, where the tag is the first 16 bits, in hexadecimal, of
    BLAKE2b (RFC 7693) of the value under `key`: one value has one placeholder in all documents,
    and some 65,000th of all values share it, so that not even the key leads back to one.
    `fixed` puts ``<KIND>``.
    """

    version: ClassVar[int] = 2

    kinds: tuple[Kind, ...] = Field(default=KINDS, min_length=1)
    replace: Literal["keyed", "fixed", "none"] = "keyed"
    key: str = ""

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns, all int64; and `text` where it is rewritten."""
        names = [f"pii_{kind}_count" for kind in self.kinds]
        columns = dict.fromkeys((*names, "pii_count"), pa.int64())
        if self.replace != "none":
            columns |= {"pii_replaced_chars": pa.int64(), "text": pa.string()}
        return columns

    def fingerprint_data(self) -> dict[str, Any]:
        """Return the stage's options, with a hash in place of the key."""
        return super().fingerprint_data() | {"key": key_hash(self.key)}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text").cast(pa.string())
        counts = {name: np.zeros(len(texts), np.int64) for name in self.writes if name != "text"}
        taken = self._counted(personal_data(texts, self.kinds), counts)
        if self.replace == "none":
            return {name: pa.array(counts[name]) for name in counts}
        for _ in range(_LOOKS):
            if not taken:
                break
            for each in taken:
                counts["pii_replaced_chars"][each.row] += len(each.value.decode())
            texts = rewritten(texts, taken, self._placeholder)
            rows = sorted({each.row for each in taken})
            again = personal_data(texts.take(rows), self.kinds, beside_placeholders=True)
            again = [replace(each, row=rows[each.row]) for each in again]
            again = [each for each in again if each.kind not in NEVER_REPLACED]
            taken = self._counted(again, counts)
        return {name: pa.array(counts[name]) for name in counts} | {"text": texts}

    def _counted(self, found: list[Masked], counts: dict[str, np.ndarray]) -> list[Masked]:
        """Add the finds to the counts, and return those that are replaced."""
        for each in found:
            counts[f"pii_{each.kind}_count"][each.row] += 1
            counts["pii_count"][each.row] += each.kind not in NEVER_REPLACED
        return [each for each in found if each.kind not in NEVER_REPLACED]

    def _placeholder(self, each: Masked) -> bytes:
        if self.replace == "fixed":
            return f"<{each.kind.upper()}>".encode()
        return keyed(each.kind, canonical(each.kind, each.value), self.key)


def canonical(kind: str, value: bytes) -> bytes:
    """Return the value as it is however it was written: case, separators, prefixes put aside."""
    if not value.isascii():
        value = value.decode().translate(_FOLDED).encode()
    if kind in ("mobile", "landline", "phone", "bank_card", "qq"):
        digits = re.sub(rb"[^0-9]", b"", value)
        if kind == "mobile":
            return digits[-11:]
        if kind == "landline":
            return re.sub(rb"\A(?:0086|86(?=[0-9]{9}))?0?", b"", digits)
        if kind == "phone":
            digits = re.sub(rb"\A00", b"", digits)
            return digits[1:] if re.fullmatch(rb"1[0-9]{10}", digits) else digits
        return digits
    if kind == "plate":
        return re.sub(f"{'|'.join(shapes.DOTS)}|[ .-]".encode(), b"", value).upper()
    if kind in ("resident_id", "passport"):
        return re.sub(b"[ -]", b"", value).lower()
    return value.lower()
