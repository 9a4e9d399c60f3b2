"""Every record of every input, counted again from the names of the records in the files."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from skypile.verify.manifest import Input, Manifest

__all__ = ["RecordCounts"]


class RecordCounts:
    """How many records of each input were found, by the file in front of ``#`` in their names.

    The many files of a unit of source files are counted together: the manifest does not list them.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._read: Counter[str] = Counter()
        for unit in manifest.inputs:
            self._read[_group(unit)] += unit.read
        self._single = {unit.unit for unit in manifest.inputs if not unit.files}
        self._found: Counter[str] = Counter()
        # Good documents that the mixture left out may not be written; then that many are missing.
        self._unwritten = manifest.ledger.surplus if manifest.surplus == "none" else 0

    def add(self, records: pa.ChunkedArray) -> None:
        """Count the records of some rows."""
        files = pc.replace_substring_regex(records, r"#[0-9]+$", "")
        for found in pc.value_counts(files.fill_null("")).to_pylist():
            name = found["values"]
            self._found[name if name in self._single else FILES] += found["counts"]

    def problems(self) -> list[str]:
        """Return one sentence for each input whose records are not as many as were read of it."""
        names = sorted(set(self._read) | set(self._found))
        short = {name: self._read[name] - self._found[name] for name in names}
        if self._unwritten == sum(short.values()) and min(short.values(), default=0) >= 0:
            return []
        return [
            f"{name}: {self._read[name]:,} records were read, {self._found[name]:,} are in the "
            "files of the corpus"
            for name in names
            if (short[name] if not self._unwritten else min(short[name], 0))
        ] or [
            f"ledger: surplus: {self._unwritten:,} documents were not written, but "
            f"{sum(short.values()):,} records are missing"
        ]


FILES = "units of many files"


def _group(unit: Input) -> str:
    return FILES if unit.files else unit.unit
