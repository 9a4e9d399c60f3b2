"""The ledger: how many records were read, and what became of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from skypile.errors import RunError
from skypile.schema import ERROR, KEPT, REJECTED, SURPLUS

__all__ = [
    "NO_MODELS", "Ledger", "OutcomeCounts", "nothing_removed", "outcome_counts", "removed_chars",
]  # fmt: skip

# (outcome, reason, domain) -> documents; reason and domain may be None.
OutcomeCounts = Counter[tuple[str, str | None, str | None]]

NO_DOMAIN = "none"
# In which columns stages that rewrite texts say how many characters they took out of each.
REMOVED_SUFFIX = "_removed_chars"
REPLACED_COLUMN = "pii_replaced_chars"
NO_MODELS = "--no-models: the recipe's score section was left out"


def outcome_counts(table: pa.RecordBatch | pa.Table) -> OutcomeCounts:
    """Count the documents of `table` by (outcome, reason, domain)."""
    # Documents closed before the stage that tells the domain have no such column yet.
    names = [name for name in ("outcome", "reason", "domain") if name in table.schema.names]
    if table.num_rows == 0:
        return Counter()
    rows = pa.table({name: table.column(name) for name in names})
    counts: OutcomeCounts = Counter()
    for row in rows.group_by(names).aggregate([([], "count_all")]).to_pylist():
        counts[row["outcome"], row["reason"], row.get("domain")] += row["count_all"]
    return counts


def nothing_removed(columns: Mapping[str, pa.DataType]) -> Counter[str]:
    """Return those of `columns` that count characters taken out of texts, each with 0."""
    return Counter(
        {
            name: 0
            for name, dtype in sorted(columns.items())
            if (name.endswith(REMOVED_SUFFIX) or name == REPLACED_COLUMN) and dtype == pa.int64()
        }
    )


def removed_chars(batch: pa.RecordBatch | pa.Table) -> Counter[str]:
    """Return the sum of each column of `batch` that counts characters taken out of texts.

    Documents that no such stage saw count as 0.
    """
    found = nothing_removed({field.name: field.type for field in batch.schema})
    for name in found:
        found[name] = pc.sum(batch.column(name)).as_py() or 0
    return found


@dataclass
class Ledger:
    """read = kept + surplus + rejected(reason) + error(reason), to the document."""

    read: int = 0
    counts: OutcomeCounts = field(default_factory=Counter)
    id_replaced: int = 0
    removed_chars: Counter[str] = field(default_factory=Counter)  # by column
    notes: list[str] = field(default_factory=list)

    def total(self, outcome: str) -> int:
        """Return how many documents have `outcome`."""
        return sum(n for (found, _, _), n in self.counts.items() if found == outcome)

    def reasons(self, outcome: str) -> dict[str, int]:
        """Return reason -> documents of `outcome`, most frequent first."""
        found: Counter[str] = Counter()
        for (kind, reason, _), n in self.counts.items():
            if kind == outcome:
                found[reason or ""] += n
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def by_domain(self) -> dict[str, dict[str, int]]:
        """Return domain -> outcome -> documents; documents without a domain under "none"."""
        table: dict[str, Counter[str]] = {}
        for (outcome, _, domain), n in self.counts.items():
            table.setdefault(domain or NO_DOMAIN, Counter())[outcome] += n
        return {name: dict(sorted(table[name].items())) for name in sorted(table)}

    def problem(self) -> str | None:
        """Return what is wrong where the ledger does not balance, else None."""
        parts = {name: self.total(name) for name in (KEPT, SURPLUS, REJECTED, ERROR)}
        unknown = sum(self.counts.values()) - sum(parts.values())
        if unknown:
            return f"{unknown} documents have no known outcome"
        if self.read == sum(parts.values()):
            return None
        told = " + ".join(f"{n} {name}" for name, n in parts.items())
        return f"{self.read} records read, but {told} = {sum(parts.values())}"

    def check(self, where: str) -> None:
        """Raise RunError, naming `where`, unless every record read has exactly one outcome."""
        wrong = self.problem()
        if wrong:
            raise RunError(f"{where}: the ledger does not balance: {wrong}")

    def to_json(self) -> dict[str, Any]:
        """Return the ledger in the form that manifest.json and ``filter --ledger`` hold."""
        data: dict[str, Any] = {
            "read": self.read,
            "kept": self.total(KEPT),
            "surplus": self.total(SURPLUS),
            "rejected": self.reasons(REJECTED),
            "error": self.reasons(ERROR),
            "by_domain": self.by_domain(),
            "id_replaced": self.id_replaced,
        }
        if self.removed_chars:
            data["removed_chars"] = dict(sorted(self.removed_chars.items()))
        return data | ({"notes": self.notes} if self.notes else {})

    def lines(self) -> Iterable[str]:
        """Yield the ledger as lines of a table for people."""
        width = len(f"{self.read:,}")
        yield f"read      {self.read:>{width},}"
        for outcome in (KEPT, SURPLUS, REJECTED, ERROR):
            yield f"{outcome:<9} {self.total(outcome):>{width},}"
            if outcome in (REJECTED, ERROR):
                for reason, n in self.reasons(outcome).items():
                    yield f"  {n:>{width + 8},}  {reason}"
        if self.id_replaced:
            yield f"{self.id_replaced:,} ids had occurred before and were replaced by the record"
        for name, n in sorted(self.removed_chars.items()):
            yield f"{n:,} characters were taken out of texts ({name})"
        yield from self.notes
