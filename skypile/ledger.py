"""The ledger: how many records were read, and what became of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from skypile.errors import RunError
from skypile.schema import ERROR, KEPT, REJECTED, SURPLUS

__all__ = ["NO_MODELS", "Ledger", "OutcomeCounts", "outcome_counts"]

# (outcome, reason, domain) -> documents; reason and domain may be None.
OutcomeCounts = Counter[tuple[str, str | None, str | None]]

NO_DOMAIN = "none"
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


@dataclass
class Ledger:
    """read = kept + surplus + rejected(reason) + error(reason), to the document."""

    read: int = 0
    counts: OutcomeCounts = field(default_factory=Counter)
    id_replaced: int = 0
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
        yield from self.notes
