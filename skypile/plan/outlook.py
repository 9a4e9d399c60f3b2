"""What a build of the whole takes and gives, by totals and by what files of the sample weigh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skypile.dedup.formats import partitions_for
from skypile.errors import RunError
from skypile.io.units import TARGET_BYTES
from skypile.mix import targets
from skypile.phases.context import Context
from skypile.phases.curate import PART_ROWS, PART_TEXT_BYTES
from skypile.phases.pair import passes
from skypile.phases.publish import SHARD_TEXT_BYTES
from skypile.plan.measure import PHASES, Measured, ShardBytes
from skypile.plan.predict import Estimate, Totals
from skypile.plan.sample import Stratum
from skypile.schema import DOMAINS, ERROR, REJECTED
from skypile.shares import allocate, largest_target, pool_names

__all__ = ["Assumed", "Outlook"]

# What phase cluster holds for each document that has a copy (skypile.phases.cluster).
CLUSTER_BYTES = 60
COPY_BYTES = 16  # of each exact copy, in every worker of pass pairs (skypile.dedup.formats.COPY)
HOUR_SECONDS = 3600.0
NOTHING = ShardBytes(0, 0, 0, 0)


@dataclass(frozen=True)
class Assumed:
    """What a sample does not tell and the caller says."""

    workers: int = 1
    duplicates: float | None = None  # share of the documents that are open after the steps
    gpu_windows_per_second: float | None = None
    is_local: bool = True  # phases pair and cluster then stay in the driver


@dataclass(frozen=True)
class Outlook:
    """Turns totals of the whole into what a build takes and gives; see docs/operations.md."""

    context: Context
    strata: tuple[Stratum, ...]
    measured: Measured
    assumed: Assumed

    def __call__(self, estimate: Estimate) -> dict[str, float]:
        """Return all values by name; units stand last in the names."""
        whole = dict(estimate.whole)
        for name in ("records", "text_bytes", "open", "duplicates", "tokens", "windows"):
            whole.setdefault(name, 0.0)
        keep, duplicates = self._duplicates(whole)
        good = {p: whole.get(f"good:{p}", 0.0) * keep for p in pool_names(self.context.within)}
        kept = self._kept_shares(whole, keep)
        found = {
            "records_count": whole["records"],
            "text_bytes": whole["text_bytes"],
            "error_count": whole.get(ERROR, 0.0),
            "duplicate_count": duplicates,
            "good_count": sum(good.values()),
            "kept_count": sum(good[p] * kept[p] for p in good),
            "surplus_count": sum(good[p] * (1 - kept[p]) for p in good),
        }
        told = found["error_count"] + found["good_count"]
        found["rejected_count"] = max(0.0, whole["records"] - told)
        found["kept_frac"] = found["kept_count"] / whole["records"] if whole["records"] else 0.0
        for domain in DOMAINS:
            found[f"kept_tokens_{domain}"] = sum(
                whole.get(f"tokens:{p}", 0.0) * keep * kept[p] for p in good if _domain(p) == domain
            )
        found["kept_tokens"] = sum(found[f"kept_tokens_{domain}"] for domain in DOMAINS)
        found |= self._pieces(estimate, whole, keep, kept) | _memory(duplicates)
        found |= self._sizes(whole, duplicates)
        found |= self._shards(whole, keep, kept, found["groups_count"])
        return found | self._times(whole, keep)

    def _duplicates(self, whole: Totals) -> tuple[float, float]:
        """Return which share of good documents is left, and how many duplicates there are."""
        signed, seen = whole["open"], whole["duplicates"]
        if self.assumed.duplicates is None or not signed:
            return 1.0, seen
        share = self.assumed.duplicates
        return (1 - share) / max(1e-9, 1 - seen / signed), share * signed

    def _kept_shares(self, whole: Totals, keep: float) -> dict[str, float]:
        """Return which share of the good documents of each pool the mixture keeps."""
        context, names = self.context, pool_names(self.context.within)
        if context.weights is None:
            return dict.fromkeys(names, 1.0)
        there = {name: round(whole.get(f"tokens:{name}", 0.0) * keep) for name in names}
        within = context.within
        usable = {name: largest_target(there, name, within.get(name)) for name in DOMAINS}
        try:
            aim = targets(usable, context.weights, context.tokens)
        except RunError:
            return dict.fromkeys(names, 0.0)  # a domain is missing: a build would stop here
        shares = dict.fromkeys(names, 0.0)
        for domain, target in aim.tokens.items():
            given = allocate(target, there, domain, within.get(domain))
            capped = {name: min(cap, there[name]) for name, cap in given.caps.items()}
            common = there[domain] + sum(capped.values())
            left = given.targets[domain] / common if common else 0.0
            for name, tokens in (given.targets | capped).items():
                if name == domain:
                    shares[name] = min(1.0, left)
                elif there[name]:
                    aimed = tokens * left if name in capped else float(tokens)
                    shares[name] = min(1.0, aimed / there[name])
        return shares

    def _sizes(self, whole: Totals, duplicates: float) -> dict[str, float]:
        """Return the bytes of what phases leave in the work folder, and of what they group."""
        signed = whole["open"]
        scored = (signed - duplicates) if self._drops_first else signed
        found = {
            "part_bytes": self._per("parts", whole["text_bytes"], self._sampled("text_bytes")),
            "signature_bytes": self._each("signatures", signed),
            "id_bytes": self._each("ids", whole["records"]),
            "score_bytes": self._each("scores", scored) if self.context.recipe.score else 0.0,
        }
        found["work_bytes"] = sum(found.values())
        for name in passes(self.context):
            rows = "records" if name == "copies" else "open"
            size = self._per(f"shuffle:{name}", whole[rows], self._sampled(rows))
            found[f"shuffle_{name}_bytes"] = size
        shuffled = [value for name, value in found.items() if name.startswith("shuffle_")]
        found["shuffle_bytes"] = sum(shuffled)
        return found

    def _shards(
        self, whole: Totals, keep: float, kept: Mapping[str, float], groups: float
    ) -> dict[str, float]:
        """Return the bytes of shards by what they hold, and of the index."""
        data = surplus = texts = count = 0.0
        for name, share in kept.items():
            text = whole.get(f"text:{name}", 0.0) * keep
            size = text * self._ratio(_domain(name))
            data, surplus, texts = data + size * share, surplus + size * (1 - share), texts + text
            count += whole.get(f"good:{name}", 0.0) * keep * share
        lost = whole.get("text:rejected", 0.0) + texts * (1 / keep - 1 if keep else 0.0)
        errors = self.measured.shards.get(ERROR, NOTHING)
        each = errors.rows_bytes / max(1, errors.documents)
        found = {
            "data_bytes": data + groups * sum(self._footer(name) for name in DOMAINS),
            "surplus_bytes": surplus if self.context.surplus == "rows" else 0.0,
            "rejected_bytes": lost * self._ratio(REJECTED) + groups * self._footer(REJECTED),
            "error_bytes": whole.get(ERROR, 0.0) * each + groups * errors.footer_bytes,
            "index_bytes": self._each("index", count),
        }
        if found["surplus_bytes"]:
            found["surplus_bytes"] += groups * max(map(self._footer, DOMAINS))
        return found | {"output_bytes": sum(found.values())}

    def _pieces(
        self, estimate: Estimate, whole: Totals, keep: float, kept: Mapping[str, float]
    ) -> dict[str, float]:
        """Return how many units, parts, shards and files there are, and what the driver reads."""
        units = parts = longest = 0.0
        for stratum, totals in zip(self.strata, estimate.strata, strict=True):
            sizes = stratum.sizes.astype(np.float64)
            pieces = np.ceil(sizes / TARGET_BYTES) if stratum.is_divided else np.ones(len(sizes))
            text = sizes * totals.get("text_bytes", 0.0) / stratum.size / pieces
            rows = sizes * totals.get("records", 0.0) / stratum.size / pieces
            by_part = np.maximum(np.ceil(text / PART_TEXT_BYTES), np.ceil(rows / PART_ROWS))
            units, parts = units + pieces.sum(), parts + (pieces * np.maximum(1, by_part)).sum()
            longest = max(longest, float(text.max()))
        classes = dict.fromkeys(DOMAINS, 0.0)
        for name in kept:
            classes[_domain(name)] += whole.get(f"text:{name}", 0.0) * keep
        classes[REJECTED] = whole.get("text:rejected", 0.0)
        most = max(classes.values()) / max(1.0, parts)
        groups = np.ceil(parts / max(1, SHARD_TEXT_BYTES // max(1.0, most))) if parts else 0.0
        domains = sum(1 for d in DOMAINS if classes[d])
        others = sum((bool(whole.get(REJECTED)), bool(whole.get(ERROR)), self._has_surplus(kept)))
        shards = groups * (domains + others)
        partitions = partitions_for(round(whole["records"]))
        bands = self.context.recipe.dedup.bands if self.context.recipe.dedup else 0
        scored = 2 if self.context.recipe.score else 0
        return {
            "units_count": units,
            "parts_count": parts,
            "groups_count": float(groups),
            "shard_files_count": shards + (groups * domains if self.context.index else 0),
            "work_files_count": parts * (3 + scored) + units * 5 + partitions * (3 + bands),
            "longest_unit_text_bytes": longest,
            "driver_entries_bytes": units * self.measured.entry_bytes,
        }

    def _has_surplus(self, kept: Mapping[str, float]) -> bool:
        return self.context.surplus != "none" and any(share < 1 for share in kept.values())

    def _times(self, whole: Totals, keep: float) -> dict[str, float]:
        """Return core hours by phase, hours of a GPU, and how long all of it takes."""
        seconds = {phase: whole.get(f"seconds:{phase}", 0.0) for phase in PHASES}
        seconds["score"] *= keep
        windows = whole["windows"] * keep
        found: dict[str, float] = {"windows_count": windows}
        rate, gpu = self.assumed.gpu_windows_per_second, 0.0
        if rate:
            gpu = windows / rate
            found["score_gpu_hours"] = gpu / HOUR_SECONDS
            seconds["score"] = 0.0
        for phase, value in seconds.items():
            found[f"{phase}_core_hours"] = value / HOUR_SECONDS
        found["core_hours"] = sum(seconds.values()) / HOUR_SECONDS
        text, records = max(1.0, whole["text_bytes"]), max(1.0, whole["records"])
        found["core_seconds_per_mb"] = sum(seconds.values()) / (text / 1e6)
        found["core_seconds_per_document"] = sum(seconds.values()) / records
        workers = self.assumed.workers
        shared = (seconds[name] for name in ("score", "publish"))
        alone = (seconds[name] for name in ("pair", "cluster"))
        found["wall_hours"] = (
            (seconds["read"] + seconds["curate"] + sum(shared) + gpu) / workers
            + sum(alone) / (1 if self.assumed.is_local else workers)
        ) / HOUR_SECONDS
        return found

    @property
    def _drops_first(self) -> bool:
        dedup = self.context.recipe.dedup
        return dedup is None or dedup.after != "score"

    def _sampled(self, name: str) -> float:
        """Return what the sample itself holds of a column of its cells."""
        cells = self.measured.cells
        return float(cells.values[:, cells.names.index(name)].sum()) if name in cells.names else 0.0

    def _per(self, kind: str, number: float, sampled: float) -> float:
        return self.measured.bytes.get(kind, 0) / sampled * number if sampled else 0.0

    def _each(self, kind: str, number: float) -> float:
        return self._per(kind, number, self.measured.documents.get(kind, 0))

    def _ratio(self, name: str) -> float:
        """Return bytes on disk for each byte of text of a kind of shard."""
        told = self.measured.shards.get(name, NOTHING)
        return told.rows_bytes / told.text_bytes if told.text_bytes else 0.0

    def _footer(self, name: str) -> int:
        return self.measured.shards.get(name, NOTHING).footer_bytes


def _memory(duplicates: float) -> dict[str, float]:
    """Return what phases pair and cluster hold of duplicates, were every family a pair."""
    return {
        "cluster_memory_bytes": 2 * CLUSTER_BYTES * duplicates,
        "copies_memory_bytes": COPY_BYTES * duplicates,
    }


def _domain(pool: str) -> str:
    return pool.partition(":")[0]
