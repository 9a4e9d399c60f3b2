"""What ``skypile ablate`` found, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skypile.cli.terminal import table

__all__ = ["lines"]

REASONS = 5


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return what each recipe kept, and losses with differences to the first recipe."""
    told = [*_kept(found["recipes"]), "", *_reasons(found["recipes"]), ""]
    if found["sources_left_out"]:
        sources = ", ".join(found["sources_left_out"])
        told += [f"left out of the mixture, as some recipe keeps too little of it: {sources}", ""]
    first, *others = found["recipes"]
    seeds = f"{found['seeds']} seed{'s' if found['seeds'] > 1 else ''}"
    told += [
        f"bits per byte after {found['tokens']:,} tokens, {seeds}; below nought, a recipe is "
        f"better than {first}",
        *_losses(found["comparison"], first, others),
    ]
    if found["kept_by_all"] is not None and found["kept_by_all"]["streams"]:
        title = "the same on the documents that every recipe keeps"
        told += ["", title, *_losses(found["kept_by_all"], first, others)]
    if found["seeds"] == 1:
        told.append("one seed: the intervals are over documents alone, and too narrow")
    return told


def _kept(recipes: Mapping[str, Any]) -> list[str]:
    names = list(dict.fromkeys(name for one in recipes.values() for name in one["train"]))
    rows = [["recipe", "read", "kept", "held out", "copies", *(f"{n} tokens" for n in names),
             "most passes"]]  # fmt: skip
    for label, one in recipes.items():
        rows.append(
            [
                label, f"{one['read']:,}", f"{one['kept']:,}", f"{one['held_out']:,}",
                f"{one['copies_left_out']:,}",
                *(f"{one['train'].get(name, {'tokens': 0})['tokens']:,}" for name in names),
                f"{max(one['passes'].values()):.2f}",
            ]
        )  # fmt: skip
    return table(rows, right=range(1, len(rows[0])))


def _reasons(recipes: Mapping[str, Any]) -> Iterator[str]:
    for label, one in recipes.items():
        first = sorted(one["rejected"].items(), key=lambda pair: -pair[1])[:REASONS]
        told = ", ".join(f"{reason} {count:,}" for reason, count in first)
        yield f"{label} rejects {sum(one['rejected'].values()):,}: {told or 'nothing'}"


def _losses(compared: Mapping[str, Any], first: str, others: list[str]) -> list[str]:
    rows = [["domain", "documents", first, *others]]
    for other in others:
        rows[0] += [f"{other} - {first}", "95 %"]
    for name, one in [*compared["streams"].items(), ("average", compared["average"])]:
        bits = [f"{one['bits_per_byte'][each]['value']:.4f}" for each in (first, *others)]
        row = [name, f"{one['documents']:,}" if "documents" in one else "", *bits]
        for other in others:
            by = one["difference"][other]
            row += [f"{by['value']:+.4f}", f"{by['low']:+.4f} to {by['high']:+.4f}"]
        rows.append(row)
    return table(rows, right=range(1, len(rows[0])))
