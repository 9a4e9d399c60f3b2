"""What every phase knows: the recipe, where files lie, and the options of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from skypile.dedup.earlier import EarlierCorpus
from skypile.io.sources import ReadOptions
from skypile.io.store import Store
from skypile.io.units import Unit
from skypile.recipe import Recipe
from skypile.schema import INPUT_FIELDS, OUTCOME_FIELDS
from skypile.shares import Within

__all__ = ["Bounds", "Context", "UnitRef", "part_schema"]


@dataclass(frozen=True)
class Bounds:
    """How much may go wrong before a run fails.

    `max_error_frac` bounds documents on which a stage raised (at least ten are always allowed),
    `max_unreadable_frac` records that could not be read (None: no bound).
    """

    max_error_frac: float = 0.001
    max_unreadable_frac: float | None = None


@dataclass(frozen=True)
class Context:
    """One run. Picklable; sent to workers once per step of a pipeline."""

    recipe: Recipe
    output: Store
    work: Store
    read: ReadOptions = field(default_factory=ReadOptions)
    weights: Mapping[str, float] | None = None  # None: no mixture, everything good is kept
    tokens: int | None = None
    seed: int = 0
    surplus: str = "rows"  # rows | ids | none
    index: bool = True  # whether the corpus gets one, for later builds
    against: tuple[EarlierCorpus, ...] = ()  # whose documents stay, and are duplicates' originals
    bounds: Bounds = field(default_factory=Bounds)
    notes: tuple[str, ...] = ()  # what the ledger says besides numbers

    @property
    def within(self) -> Mapping[str, Within]:
        """Return how the recipe divides the tokens of domains, by domain."""
        return self.recipe.mix.within if self.recipe.mix else {}


@dataclass(frozen=True)
class UnitRef:
    """A unit and its number in the order of all units: the upper half of its rows' addresses."""

    number: int
    unit: Unit

    def address(self, row: int) -> int:
        """Return the 64-bit address of a record of this unit."""
        return self.number << 32 | row


def part_schema(recipe: Recipe) -> pa.Schema:
    """Return the schema of the parts that phase curate writes."""
    fields = {f.name: f for f in (*INPUT_FIELDS, *OUTCOME_FIELDS)}
    for name, dtype in recipe.columns(recipe.steps).items():
        fields[name] = pa.field(name, dtype)
    fields["exact_hash"] = pa.field("exact_hash", pa.binary(16))
    return pa.schema(list(fields.values()))
