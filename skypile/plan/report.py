"""A prediction as people read it, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skypile.plan.predict import Value

__all__ = ["lines", "shown"]

SECTIONS = {
    "documents": (
        "records_count", "kept_count", "surplus_count", "rejected_count", "error_count",
        "duplicate_count", "kept_frac",
    ),
    "tokens": ("kept_tokens", "kept_tokens_en", "kept_tokens_zh", "kept_tokens_code"),
    "time": (
        "read_core_hours", "curate_core_hours", "pair_core_hours", "cluster_core_hours",
        "score_core_hours", "score_gpu_hours", "publish_core_hours", "core_hours",
        "core_seconds_per_mb", "core_seconds_per_document", "windows_count", "wall_hours",
    ),
    "bytes": (
        "text_bytes", "part_bytes", "signature_bytes", "id_bytes", "score_bytes", "work_bytes",
        "shuffle_copies_bytes", "shuffle_pairs_bytes", "shuffle_edges_bytes", "shuffle_bytes",
        "data_bytes", "surplus_bytes", "rejected_bytes", "error_bytes", "index_bytes",
        "output_bytes",
    ),
    "pieces": (
        "units_count", "parts_count", "groups_count", "shard_files_count", "work_files_count",
        "longest_unit_text_bytes",
    ),
    "memory": ("cluster_memory_bytes", "copies_memory_bytes", "driver_entries_bytes"),
}  # fmt: skip
UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
SHORT = 100  # below, digits behind the point


def shown(name: str, value: float) -> str:
    """Return a value with its unit, which the end of its name tells.

    >>> shown("output_bytes", 2.5e9), shown("kept_count", 12345.6), shown("kept_frac", 0.5)
    ('2.50 GB', '12,346', '50.0 %')
    >>> shown("wall_hours", 0.01), shown("core_seconds_per_mb", 0.0712)
    ('36.0 s', '0.0712 s')
    """
    if name.endswith("_bytes"):
        for unit, size in UNITS:
            if value >= size:
                return f"{value / size:,.2f} {unit}"
        return f"{value:,.0f} B"
    if name.endswith("_frac"):
        return f"{value:.1%}".replace("%", " %")
    if name.endswith("_hours"):
        seconds = value * 3600
        return f"{value:,.1f} h" if value >= 1 else f"{seconds:,.1f} s"
    if "_seconds" in name:
        return f"{value:.3g} s"
    return f"{value:,.0f}"


def lines(found: Mapping[str, Any], values: Mapping[str, Value]) -> Iterator[list[str]]:
    """Yield the rows of the table of `values`: what, expected, from, to."""
    yield ["", "expected", "from", "to"]
    for section, names in SECTIONS.items():
        there = [name for name in names if name in values]
        for name in there:
            value = values[name]
            told = [shown(name, one) for one in (value.value, value.low, value.high)]
            yield [f"{section:<10} {_label(name)}", *told]
    if "cost" in found:
        currency = found["cost"]["prices"]["currency"]
        for name, one in [*found["cost"]["items"].items(), ("sum", found["cost"]["sum"])]:
            told = [f"{one[end]:,.2f} {currency}" for end in ("value", "low", "high")]
            yield [f"{'cost':<10} {name}", *told]


def _label(name: str) -> str:
    if name.endswith("core_hours"):
        return f"{name.removesuffix('core_hours').replace('_', ' ')}core time".strip()
    for ending in ("_count", "_bytes", "_frac", "_hours"):
        if name.endswith(ending):
            rest = name.removesuffix(ending).replace("_", " ")
            return f"{rest} share" if ending == "_frac" else rest
    return name.replace("_", " ")
