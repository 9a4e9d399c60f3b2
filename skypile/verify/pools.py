"""The shares within domains: each pool counted again, and held to its target or cap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from skypile.errors import VerifyError
from skypile.phases.publish import add_pools
from skypile.shares import Within, pool_indices, pool_names
from skypile.verify.manifest import MANIFEST, Manifest, PoolData

__all__ = ["PoolCounts"]

Expect = Callable[[str, object, object], None]


def within_of(manifest: Manifest) -> dict[str, Within]:
    """Return how the recipe in the manifest divides domains; VerifyError where it is not valid."""
    mix = manifest.recipe.definition.get("mix") or {}
    try:
        return TypeAdapter(dict[str, Within]).validate_python(mix.get("within", {}))
    except (ValidationError, AttributeError) as error:
        raise VerifyError(f"{MANIFEST}: recipe.definition.mix.within: {error}") from error


@dataclass
class PoolCounts:
    """What the files of a corpus hold of each pool of a divided domain."""

    manifest: Manifest
    kept: dict[str, Counter[str]] = field(default_factory=dict)
    largest_surplus: Counter[str] = field(default_factory=Counter)

    @cached_property
    def within(self) -> dict[str, Within]:
        """How domains are divided, by domain."""
        return within_of(self.manifest)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that documents are divided by."""
        return tuple({entry.column: None for entry in self.within.values()})

    def add_kept(self, table: pa.Table) -> None:
        """Count kept documents, which have `domain`, `tokens` and the dividing columns."""
        add_pools(self.kept, table, self.within)

    def add_surplus(self, table: pa.Table) -> None:
        """Note the largest of some surplus documents by pool."""
        indices = pool_indices(table, self.within)
        tokens = np.asarray(table.column("tokens").fill_null(0))
        for index, name in enumerate(pool_names(self.within)):
            if (rows := indices == index).any():
                largest = int(tokens[rows].max())
                self.largest_surplus[name] = max(self.largest_surplus[name], largest)

    def check(self, expect: Expect, problems: list[str]) -> None:
        """Compare with the manifest, and hold each pool to its target or cap."""
        for domain in self.within:
            told = self.manifest.mixture.within.get(domain)
            if told is None:
                problems.append(f"mixture: {domain}: is divided by the recipe, not in the mixture")
                continue
            names = [n for n in pool_names(self.within) if n.partition(":")[0] == domain]
            expect(f"mixture: {domain}: pools", names, list(told.pools))
            whole = sum(self._kept(name, "tokens") for name in names)
            for name in names:
                if (pool := told.pools.get(name)) is not None:
                    expect(
                        f"mixture: {name}: documents", pool.documents, self._kept(name, "documents")
                    )
                    expect(f"mixture: {name}: tokens", pool.tokens, self._kept(name, "tokens"))
                    share = self._kept(name, "tokens") / whole if whole else 0.0
                    expect(f"mixture: {name}: share", round(pool.share, 9), round(share, 9))
            problems.extend(self._misses(domain, told.pools))

    def _kept(self, name: str, what: str) -> int:
        return self.kept[name][what] if name in self.kept else 0

    def _misses(self, domain: str, pools: dict[str, PoolData]) -> list[str]:
        """Name pools over their bound, and those with room for every surplus document of theirs."""
        common = sum(
            self._kept(n, "tokens") for n, p in pools.items() if p.shares_common(domain, n)
        )
        found = []
        forgotten = self.manifest.forgotten.pool_tokens
        gone = sum(forgotten.get(name, 0) for name in pools)
        for name, pool in pools.items():
            tokens = self._kept(name, "tokens")
            room = []
            if pool.cap_tokens is not None:
                room.append(pool.cap_tokens - tokens)
            own = pool.target_tokens
            if pool.shares_common(domain, name) and domain in pools:
                own, tokens = pools[domain].target_tokens, common
            if own is not None:
                room.append(own - tokens)
            if room and min(room) < 0:
                found.append(f"mixture: {name}: {-min(room):,} tokens more than its share")
            elif room and 0 < self.largest_surplus[name] <= min(room) - gone:
                found.append(
                    f"mixture: {name}: leaves {min(room):,} tokens of its share empty, though "
                    "every surplus document of it would fit"
                )
        return found
