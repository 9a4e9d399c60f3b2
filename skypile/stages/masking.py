"""What stages that take values out of texts share: finds, and what stands in their place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Masked", "apart", "key_hash", "keyed", "rewritten"]

_TAG_BYTES = 2


@dataclass(frozen=True, slots=True)
class Masked:
    """A value of one kind in row `row`: bytes start:stop of its text in UTF-8."""

    row: int
    kind: str
    start: int
    stop: int
    value: bytes


def apart(found: Iterable[Masked]) -> Iterator[Masked]:
    """Yield finds, sorted by row and start, but for those that overlap an earlier one."""
    row, reach = -1, 0
    for each in found:
        if each.row != row:
            row, reach = each.row, 0
        if each.start >= reach:
            reach = each.stop
            yield each


def rewritten(
    texts: pa.StringArray, taken: Iterable[Masked], placeholder: Callable[[Masked], bytes]
) -> pa.StringArray:
    """Return `texts` with each find of `taken` (in order, apart) replaced by its placeholder."""
    changed, found = np.zeros(len(texts), np.bool_), []
    for row, group in groupby(taken, lambda each: each.row):
        text = texts[row].as_buffer().to_pybytes()
        changed[row] = True
        pieces, at = [], 0
        for each in group:
            pieces += [text[at : each.start], placeholder(each)]
            at = each.stop
        found.append(b"".join((*pieces, text[at:])).decode())
    if not found:
        return texts
    return pc.replace_with_mask(texts, pa.array(changed), pa.array(found, pa.string()))


def keyed(kind: str, value: bytes, key: str) -> bytes:
    """Return ``<KIND_tag>``: the first 16 bits of BLAKE2b (RFC 7693) of the value under `key`.

    One value has one placeholder in all documents, and some 65,000th of all values share it, so
    that not even the key leads back to one.
    """
    hashed = hashlib.blake2b(key.encode(), digest_size=32).digest()
    tag = hashlib.blake2b(value, key=hashed, digest_size=_TAG_BYTES, person=kind.encode())
    return f"<{kind.upper()}_{tag.hexdigest()}>".encode()


def key_hash(key: str) -> str:
    """Return what stands for a key in fingerprints."""
    return hashlib.blake2b(key.encode(), digest_size=16, person=b"skypile pii").hexdigest()
