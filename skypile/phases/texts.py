"""Texts of single documents, read again from the parts by address."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.dedup.formats import U64
from skypile.phases.context import Context

__all__ = ["Texts"]

CACHED_GROUPS = 8  # of at most 8 MB each, unless a document is larger


class Texts:
    """Reads texts by address, a row group of a part at a time."""

    def __init__(self, context: Context, parts: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
        """Take the parts of each unit, by the unit's number."""
        self.context, self.parts = context, parts
        self._files: dict[str, tuple[pq.ParquetFile, np.ndarray]] = {}
        self._groups: OrderedDict[tuple[str, int], pa.Table] = OrderedDict()

    def fetch(self, addresses: U64) -> list[bytes]:
        """Return the UTF-8 texts of `addresses`, best in ascending order."""
        return [self._text(int(address) >> 32, int(address) & 0xFFFFFFFF) for address in addresses]

    def _text(self, unit: int, row: int) -> bytes:
        parts = self.parts[unit]
        last = [part["last_row"] for part in parts]
        name = str(parts[int(np.searchsorted(last, row))]["file"])
        _, ends = self._file(name)
        table = self._group(name, int(np.searchsorted(ends, row)))
        at = int(np.searchsorted(table.column("row").to_numpy(), row))
        assert table.column("row")[at].as_py() == row, (name, row)
        return bytes(table.column("text")[at].as_buffer())

    def _file(self, name: str) -> tuple[pq.ParquetFile, np.ndarray]:
        if name not in self._files:
            if len(self._files) >= 64:
                self._files.pop(next(iter(self._files)))[0].close()
            file = pq.ParquetFile(self.context.work.open(name))
            column = file.schema_arrow.get_field_index("row")
            groups = range(file.num_row_groups)
            footer = file.metadata
            ends = [footer.row_group(g).column(column).statistics.max for g in groups]
            self._files[name] = (file, np.array(ends))
        return self._files[name]

    def _group(self, name: str, group: int) -> pa.Table:
        key = (name, group)
        if key in self._groups:
            self._groups.move_to_end(key)
            return self._groups[key]
        if len(self._groups) >= CACHED_GROUPS:
            self._groups.popitem(last=False)
        table = self._file(name)[0].read_row_group(group, columns=["row", "text"])
        self._groups[key] = table.combine_chunks()
        return self._groups[key]
