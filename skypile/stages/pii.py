"""Pii: personal data is counted and, unless asked otherwise, replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
from pydantic import Field

from skypile.kernels import pii_shapes as shapes
from skypile.kernels.buffers import utf8_view
from skypile.kernels.pii import candidates
from skypile.stage import Stage
from skypile.stages import pii_named, pii_network, pii_numbers
from skypile.stages.masking import Masked, apart, key_hash, keyed, rewritten
from skypile.stages.pii_near import BEFORE_BYTES, BEHIND_BYTES, Find, Near

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
    shapes.DIALLED: (pii_numbers.dialled, frozenset(("mobile", "landline", "phone"))),
    shapes.MOBILE: (pii_numbers.mobile, frozenset(("mobile",))),
    shapes.LONG: (pii_numbers.long_number, frozenset(("resident_id", "bank_card"))),
    shapes.CARD: (pii_numbers.card_groups, frozenset(("bank_card",))),
    shapes.LANDLINE: (pii_numbers.landline, frozenset(("landline",))),
    shapes.AREA: (pii_numbers.area, frozenset(("landline", "phone"))),
    shapes.SOLID: (pii_numbers.solid, frozenset(("landline",))),
    shapes.NANP: (pii_numbers.nanp, frozenset(("phone",))),
    shapes.WECHAT: (pii_named.wechat, frozenset(("wechat",))),
    shapes.QQ: (pii_named.qq, frozenset(("qq",))),
    shapes.PASSPORT: (pii_named.passport, frozenset(("passport",))),
    shapes.PLATE: (pii_named.plate, frozenset(("plate",))),
}  # fmt: skip
# Of two finds that begin at one place and are as long, the one with a word beside it counts.
_NAMED_FIRST = ("qq", "wechat", "passport")


def personal_data(texts: pa.Array, kinds: Collection[str] = KINDS) -> list[Masked]:
    """Return all personal data of these kinds, in order, no two of which overlap."""
    data, offsets = utf8_view(texts)
    places, _ = candidates(data, offsets)
    wanted = frozenset(kinds)
    judged = np.isin(places[:, 3], [shape for shape, (_, may) in RULES.items() if may & wanted])
    found = [
        each
        for row, start, stop, shape in zip(*places[judged].T.tolist(), strict=True)
        for each in _judged(data, offsets, row, start, stop, shape)
        if each.kind in wanted
    ]
    found.sort(key=lambda each: (each.row, each.start, -each.stop, each.kind not in _NAMED_FIRST))
    return list(apart(found))


def _judged(
    data: np.ndarray, offsets: np.ndarray, row: int, start: int, stop: int, shape: int
) -> Iterator[Masked]:
    begin, end = int(offsets[row]), int(offsets[row + 1])
    first, last = max(begin, start - BEFORE_BYTES), min(end, stop + BEHIND_BYTES)
    text = data[first:last].tobytes()
    near = Near(text, start - first, stop - first)
    moved = first - begin
    for each in RULES[shape][0](near):
        if first + each.stop == last < end:
            return  # the end of a list, cut where the rule's sight ends
        value = text[each.start : each.stop]
        yield Masked(row, each.kind, each.start + moved, each.stop + moved, value)


class Pii(Stage):
    """Personal data of every document is counted, and replaced in its text unless `replace: none`.

    `pii_KIND_count` for each of `kinds`; `pii_count` all that is replaced (or would be), so all
    but `local_ip`; `pii_replaced_chars` the characters that were taken out.

    `replace: keyed` puts ``<KIND_tag>``, where the tag is the first 16 bits, in hexadecimal, of
    BLAKE2b (RFC 7693) of the value under `key`: one value has one placeholder in all documents,
    and some 65,000th of all values share it, so that not even the key leads back to one.
    `fixed` puts ``<KIND>``.
    """

    version: ClassVar[int] = 1

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
        texts = batch.column("text")
        found = personal_data(texts, self.kinds)
        counts = {name: np.zeros(len(texts), np.int64) for name in self.writes if name != "text"}
        for each in found:
            counts[f"pii_{each.kind}_count"][each.row] += 1
            counts["pii_count"][each.row] += each.kind not in NEVER_REPLACED
        columns = {}
        if self.replace != "none":
            taken = [each for each in found if each.kind not in NEVER_REPLACED]
            for each in taken:
                counts["pii_replaced_chars"][each.row] += len(each.value.decode())
            columns["text"] = rewritten(texts.cast(pa.string()), taken, self._placeholder)
        return {name: pa.array(counts[name]) for name in counts} | columns

    def _placeholder(self, each: Masked) -> bytes:
        if self.replace == "fixed":
            return f"<{each.kind.upper()}>".encode()
        return keyed(each.kind, canonical(each.kind, each.value), self.key)


def canonical(kind: str, value: bytes) -> bytes:
    """Return the value as it is however it was written: case, separators, prefixes put aside."""
    if kind in ("mobile", "landline", "phone", "bank_card", "qq"):
        digits = re.sub(rb"[^0-9]", b"", value)
        if kind == "mobile":
            return digits[-11:]
        if kind == "landline":
            return re.sub(rb"\A(?:0086|86(?=[0-9]{9}))?0?", b"", digits)
        return digits[1:] if kind == "phone" and re.fullmatch(rb"1[0-9]{10}", digits) else digits
    if kind == "plate":
        return re.sub("·|•|[ -]".encode(), b"", value)
    return value.lower()
