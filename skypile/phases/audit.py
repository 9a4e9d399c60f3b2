"""The end of a run: every record accounted for, and the manifest that says so."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow.parquet as pq

import skypile
from skypile.errors import RunError
from skypile.io.store import Store
from skypile.ledger import Ledger, OutcomeCounts, nothing_removed
from skypile.mix import normalized_weights
from skypile.phases.context import Context, UnitRef
from skypile.phases.cuts import MixPlan
from skypile.phases.earlier import told_of
from skypile.phases.publish import COUNTS_KEY, REMOVED_KEY
from skypile.phases.work import Entry
from skypile.recipe import versions
from skypile.schema import KEPT, SURPLUS

__all__ = ["Footer", "audit", "check_bounds", "footer_counts", "manifest", "manifest_digest"]


def check_bounds(
    context: Context, read: int, stage_errors: int, unreadable: int, faults: Sequence[str] = ()
) -> None:
    """Raise RunError where more went wrong than the run's bounds allow.

    `faults` are sentences about documents on which a stage failed, to be shown.
    """
    allowed = max(10, int(context.bounds.max_error_frac * read))
    if stage_errors > allowed:
        shown = f" ({'; '.join(faults)})" if faults else ""
        raise RunError(
            f"stages failed on {stage_errors:,} of {read:,} documents, more than the {allowed:,} "
            f"that --max-error-frac {context.bounds.max_error_frac:g} allows{shown}; finished work "
            "is kept: raise the bound and run again to have these documents in error/"
        )
    limit = context.bounds.max_unreadable_frac
    if limit is not None and unreadable > limit * read:
        raise RunError(
            f"{unreadable:,} of {read:,} records could not be read, more than "
            f"--max-unreadable-frac {limit:g} allows; finished work is kept: mend the inputs, or "
            "raise the bound and run again"
        )


class Footer(NamedTuple):
    """What a shard's footer says of its documents."""

    rows: int
    counts: OutcomeCounts
    removed: Counter[str]  # characters taken out of texts, by column


def footer_counts(store: Store, path: str) -> Footer:
    """Return the rows that a shard's footer gives, its outcomes, and what was taken out of texts.

    Raises RunError where the footer cannot be read or the two do not agree.
    """
    try:
        with store.open(path) as stream:
            metadata = pq.read_metadata(stream)
        told = json.loads((metadata.metadata or {})[COUNTS_KEY])
        counts: OutcomeCounts = Counter({(o, r, d): n for o, r, d, n in told})
        removed = Counter(json.loads(metadata.metadata.get(REMOVED_KEY, b"{}")))
    except (OSError, KeyError, ValueError) as error:
        raise RunError(f"{path}: its Parquet footer cannot be read: {error}") from error
    if sum(counts.values()) != metadata.num_rows:
        raise RunError(
            f"{path}: the footer has {metadata.num_rows} rows and counts {sum(counts.values())}"
        )
    return Footer(metadata.num_rows, counts, removed)


def audit(
    context: Context,
    refs: Sequence[UnitRef],
    curated: Sequence[Entry],
    groups: Sequence[Entry],
    *,
    id_replaced: int,
    notes: Sequence[str] = (),
) -> Ledger:
    """Return the ledger with `notes`: readers' counts against the footers of files written.

    Raises RunError, naming the unit or the file, where a record is missing or stands twice.
    """
    written: Counter[int] = Counter()
    read = sum(entry.data["read"] for entry in curated)
    ledger = Ledger(read=read, id_replaced=id_replaced, notes=[*context.notes, *notes])
    ledger.removed_chars = nothing_removed(context.recipe.columns(context.recipe.steps))
    for group in groups:
        for number, rows in group.data["by_unit"]:
            written[number] += rows
        for outcome, reason, domain, rows in group.data["unwritten"]:
            ledger.counts[outcome, reason, domain] += rows
        ledger.removed_chars.update(group.data["unwritten_removed"])
        for shard in group.data["shards"]:
            rows, counts, removed = footer_counts(context.output, shard["path"])
            for file in (shard, shard.get("index", shard)):
                size = context.output.size(file["path"])
                if size != file["bytes"]:
                    raise RunError(f"{file['path']}: {file['bytes']} bytes written, {size} there")
            if rows != shard["documents"]:
                raise RunError(f"{shard['path']}: {shard['documents']} rows written, {rows} there")
            ledger.counts += counts
            ledger.removed_chars.update(removed)
    for ref, entry in zip(refs, curated, strict=True):
        if entry.data["read"] != written[ref.number]:
            raise RunError(
                f"{ref.unit.name}: {entry.data['read']} records were read, "
                f"{written[ref.number]} came out"
            )
    ledger.check(context.output.root)
    return ledger


def _mixture(context: Context, plan: MixPlan, shards: Sequence[Mapping[str, Any]]) -> Any:
    tokens: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    subsets: dict[str, Counter[str]] = {}
    for shard in shards:
        tokens[shard["domain"]] += shard["tokens"]
        documents[shard["domain"]] += shard["documents"]
        subsets.setdefault(shard["domain"], Counter()).update(shard["subsets"])
    whole = sum(tokens.values())
    reached = {
        name: {
            "documents": documents[name],
            "tokens": tokens[name],
            "share": tokens[name] / whole if whole else 0.0,
            "subsets": dict(sorted(subsets[name].items())),
        }
        for name in sorted(tokens)
    }
    available = plan.domain_tokens()
    data: dict[str, Any] = {"asked": None, "available_tokens": available, "reached": reached}
    if context.weights is not None and plan.targets is not None:
        data["asked"] = {
            "weights": dict(context.weights),
            "weights_sum": round(sum(context.weights.values()), 9),
            "normalized": normalized_weights(context.weights),
            "tokens": context.tokens,
        }
        data["target_tokens"] = plan.targets.tokens
        data["scarcest"] = plan.targets.scarcest
        data["short_of_asked"] = plan.targets.short
        weighted = plan.targets.tokens
        data["cuts"] = {
            name: cut.to_json()
            for name, cut in plan.cuts.items() if name.partition(":")[0] in weighted
        }  # fmt: skip
    if context.within:
        data["within"] = _within(context, plan, shards)
    data["seed"] = context.seed
    return data


def _within(context: Context, plan: MixPlan, shards: Sequence[Mapping[str, Any]]) -> Any:
    """Return for each divided domain what its pools hold, may hold and have got."""
    reached: dict[str, Counter[str]] = {}
    for shard in shards:
        for name, counts in shard["pools"].items():
            reached.setdefault(name, Counter()).update(counts)
    data = {}
    for domain, entry in context.within.items():
        allocation = plan.allocations.get(domain)
        pools = [name for name in plan.available if name.partition(":")[0] == domain]
        whole = sum(reached[name]["tokens"] for name in pools if name in reached)
        data[domain] = {
            "column": entry.column,
            "pools": {
                name: {
                    "available_tokens": plan.available[name],
                    "target_tokens": allocation and allocation.targets.get(name),
                    "cap_tokens": allocation and allocation.caps.get(name),
                    "documents": reached.get(name, Counter())["documents"],
                    "tokens": reached.get(name, Counter())["tokens"],
                    "share": reached.get(name, Counter())["tokens"] / whole if whole else 0.0,
                }
                for name in pools
            },
        }
    return data


def manifest(
    context: Context,
    refs: Sequence[UnitRef],
    curated: Sequence[Entry],
    groups: Sequence[Entry],
    ledger: Ledger,
    plan: MixPlan,
    matched: Sequence[int] = (),
) -> dict[str, Any]:
    """Return the manifest without its `run` object: a function of input, recipe and versions.

    `matched` says how many documents are duplicates of one of each earlier corpus.

    Its `digest` is that of all the rest, so that a changed number shows.
    """
    files = sorted((s for g in groups for s in g.data["shards"]), key=lambda s: s["path"])
    kept = [shard for shard in files if shard["outcome"] == KEPT]
    fields = ("path", "domain", "documents", "tokens", "bytes", "sha256", "index")
    left_out = [
        {name: shard[name] for name in ("path", "outcome", "documents", "bytes", "sha256")}
        | ({"tokens": shard["tokens"]} if shard["outcome"] == SURPLUS else {})
        for shard in files
        if shard["outcome"] != KEPT
    ]
    recipe = context.recipe
    found = {
        "skypile": skypile.__version__,
        "recipe": {
            "name": recipe.name,
            "fingerprint": recipe.fingerprint(),
            "definition": recipe.definition(),
        },
        "inputs": [
            {"unit": ref.unit.name, "size": ref.unit.size, "read": entry.data["read"]}
            | {"start": ref.unit.start, "end": ref.unit.end}
            | ({"files": len(ref.unit.files)} if ref.unit.files else {})
            | ({"aside": entry.data["aside"]} if entry.data["aside"] else {})
            for ref, entry in zip(refs, curated, strict=True)
        ],
        "ledger": ledger.to_json(),
        "mixture": _mixture(context, plan, kept),
        "surplus": context.surplus,
        "shards": [{name: shard[name] for name in fields if name in shard} for shard in kept],
        "left_out": left_out,
        "versions": versions(),
    }
    if context.against:
        found["against"] = told_of(context.against, matched)
    return found | {"digest": manifest_digest(found)}


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's canonical JSON without `run` and `digest` itself."""
    told = {name: value for name, value in manifest.items() if name not in ("run", "digest")}
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
