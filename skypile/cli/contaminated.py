"""Which items of evaluation sets are in which documents: what ``skypile decontaminate`` tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.cli.curated import TEXT_READ
from skypile.cli.terminal import table
from skypile.lists.items import read_items
from skypile.schema import KEPT, REJECTED
from skypile.stages.decontaminate import Decontaminate

__all__ = ["ITEM_SCHEMA", "ItemHits"]

ITEM_SCHEMA = pa.schema(
    [
        ("set", pa.string()),
        ("file", pa.string()),
        ("record", pa.int64()),  # 0-based, of the file
        ("documents", pa.int64()),
        ("item_frac", pa.float64()),  # the largest share of its n-grams in one document
        ("examples", pa.list_(pa.string())),  # records of the first documents
        ("text", pa.string()),  # how it begins
    ]
)
EXAMPLES = 3
TEXT_CHARS = 200


class ItemHits:
    """Counts documents by item, and items and documents by set."""

    def __init__(self, stage: Decontaminate) -> None:
        self.stage, self._made = stage, stage.benchmarks()
        sets, items = len(self._made.sets), self._made.records.size
        self._hit, self._rejected, self._cut = np.zeros((3, sets), np.int64)
        self._documents = np.zeros(items, np.int64)
        self._shares = np.zeros(items)
        self._examples: dict[int, list[str]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count what a judged batch has, in the texts as they were read."""
        touched = pc.greater(batch.column("decontaminate_item_count"), 0).fill_null(False)
        batch = batch.filter(touched)
        if not batch.num_rows:
            return
        outcomes = batch.column("outcome")
        rejected = np.asarray(pc.equal(outcomes, REJECTED))
        kept = np.asarray(pc.equal(outcomes, KEPT))
        for at, each in enumerate(self._made.sets):
            column = batch.column(f"decontaminate_{each.name}_item_count")
            hit = np.asarray(pc.greater(column, 0))
            self._hit[at] += np.count_nonzero(hit)
            self._rejected[at] += np.count_nonzero(hit & rejected)
            self._cut[at] += np.count_nonzero(hit & kept) if self.stage.rewrites else 0
        self._add_items(batch)

    def _add_items(self, batch: pa.RecordBatch) -> None:
        """Look again for the items themselves, which no column names, in the few documents."""
        text = batch.column(TEXT_READ if TEXT_READ in batch.schema.names else "text")
        rows, texts, grams = self.stage.found(text).hits.T
        index, items = self._made.index, self._made.records.size
        owners = index.text_items[texts]
        np.maximum.at(self._shares, owners, grams / index.text_sizes[texts])
        pairs = np.unique(rows * items + owners)
        rows, owners = pairs // items, pairs % items
        records = batch.column("record")
        few = self._documents[owners] < EXAMPLES
        for row, item in zip(rows[few].tolist(), owners[few].tolist(), strict=True):
            known = self._examples.setdefault(item, [])
            if len(known) < EXAMPLES:
                known.append(records[row].as_py())
        self._documents += np.bincount(owners, minlength=items)

    def data(self) -> dict[str, Any]:
        """Return the counts of each set."""
        sets = self._made.index.text_sets
        first_text = np.unique(self._made.index.text_items, return_index=True)[1]
        item_sets = sets[first_text]
        found: dict[str, Any] = {}
        for at, each in enumerate(self._made.sets):
            mine = self._documents[item_sets == at]
            found[each.name] = {
                "items": each.items, "items_too_short": each.too_short,
                "items_of_common_ngrams": each.all_common, "records_without_text": each.bare,
                "common_ngrams": each.common_grams,
                "items_hit": int(np.count_nonzero(mine)), "documents_hit": int(self._hit[at]),
                "documents_rejected": int(self._rejected[at]),
                "documents_cut": int(self._cut[at]),
            }  # fmt: skip
        return found

    def table(self) -> list[str]:
        """Return the counts of each set as lines of a table, and what cannot be found as notes."""
        names = ("items", "items_hit", "documents_hit", "documents_rejected", "documents_cut")
        data = self.data()
        rows = [["set", *(name.replace("_", " ") for name in names)]]
        rows += [[name, *(f"{told[one]:,}" for one in names)] for name, told in data.items()]
        lines = table(rows, right=range(1, len(rows[0])))
        for name, told in data.items():
            if told["items_too_short"]:
                lines.append(f"{name}: {told['items_too_short']:,} items are too short to be found")
            if told["items_of_common_ngrams"]:
                many = f"{told['items_of_common_ngrams']:,}"
                lines.append(f"{name}: {many} items have n-grams only that too many items have")
            if told["records_without_text"]:
                lines.append(f"{name}: {told['records_without_text']:,} records have no text")
        return lines

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield the items that were hit, as ITEM_SCHEMA, in order of sets, files and records."""
        hit = np.flatnonzero(self._documents)
        for number, file in enumerate(self.stage.files):
            mine = hit[self._made.files[hit] == number]
            if not mine.size:
                continue
            read = read_items(file, self.stage.fields)
            first = int(np.flatnonzero(self._made.files == number)[0])
            for item in mine.tolist():
                yield {
                    "set": file.benchmark, "file": str(file.path),
                    "record": int(self._made.records[item]),
                    "documents": int(self._documents[item]),
                    "item_frac": float(self._shares[item]), "examples": self._examples[item],
                    "text": read.texts[item - first][0][0][:TEXT_CHARS],
                }  # fmt: skip
