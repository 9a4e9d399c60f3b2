"""Is a corpus what its manifest says? Every file read, every number computed again."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.errors import RunError, SkyPileError, VerifyError
from skypile.io.store import Store
from skypile.ledger import NO_DOMAIN, OutcomeCounts, removed_chars
from skypile.phases.audit import Footer, footer_counts, manifest_digest
from skypile.schema import DOMAINS, ERROR, KEPT, OUTCOMES, REJECTED, SURPLUS
from skypile.verify.index import IndexCheck
from skypile.verify.manifest import MANIFEST, LeftOut, Manifest, Shard, read_manifest
from skypile.verify.pools import PoolCounts, within_of
from skypile.verify.records import RecordCounts
from skypile.verify.recount import Recounter

__all__ = ["FOLDERS", "Findings", "verify"]

FOLDERS = ("data", "index", "surplus", "rejected", "error")
FINGERPRINT_KEY = b"skypile.fingerprint"
SHARE_ERROR = 1e-9  # shares are quotients of exact numbers, rounded once


@dataclass
class Findings:
    """What was checked, and all that is off: one sentence each, naming the file and the numbers."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    documents: int = 0
    tokens: int = 0
    recounted: int = 0
    index_files: int = 0
    signed: int = 0  # documents whose signatures were drawn again

    def expect(self, what: str, told: object, found: object) -> None:
        """Note a problem unless the manifest's number and the one found are equal."""
        if told != found:
            self.problems.append(f"{what}: the manifest says {_shown(told)}, found {_shown(found)}")


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


@dataclass
class _Seen:
    """What the files of a corpus add up to."""

    records: RecordCounts
    pools: PoolCounts
    counts: OutcomeCounts = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)  # by the footers
    documents: Counter[str] = field(default_factory=Counter)  # kept, by domain
    tokens: Counter[str] = field(default_factory=Counter)
    subsets: dict[str, Counter[str]] = field(default_factory=dict)
    largest_surplus: Counter[str] = field(default_factory=Counter)  # tokens, by domain


def verify(root: str, *, recount: bool = False, tokenizer: Path | None = None) -> Findings:
    """Check the corpus in `root` against its manifest.

    Hashes, sizes, rows and outcomes of every file; the records of every input; the sums of tokens;
    the ledger; the mixture; the recipe's fingerprint; files that the manifest does not name; the
    manifest's own digest. The text of one document in 1,000 of each file (of all, with `recount`)
    is encoded again, and signed again where there is an index. `tokenizer` is the file of a
    tokenizer that is not the default one. Raises UsageError where `root` is no folder.
    """
    store = Store(root.rstrip("/") or "/")
    findings = Findings()
    try:
        manifest = read_manifest(store)
        recounter = Recounter.of(manifest, tokenizer, every=recount)
        within_of(manifest)
    except VerifyError as error:
        findings.problems.append(str(error))
        return findings
    findings.notes.extend(recounter.notes)
    seen = _Seen(RecordCounts(manifest), PoolCounts(manifest))
    for file in manifest.files:
        _check_file(store, manifest, file, seen, recounter, findings)
    _check_index(store, manifest, findings, every=recount)
    _check_names(store, manifest, findings)
    _check_ledger(manifest, seen, findings)
    findings.problems.extend(seen.records.problems())
    findings.expect(f"{MANIFEST}: digest", manifest.digest, _digest(store))
    _check_recipe(manifest, findings)
    _check_mixture(manifest, seen, findings)
    seen.pools.check(findings.expect, findings.problems)
    return findings


def _check_file(
    store: Store,
    manifest: Manifest,
    file: Shard | LeftOut,
    seen: _Seen,
    recounter: Recounter,
    findings: Findings,
) -> None:
    size = store.size(file.path)
    if size is None:
        findings.problems.append(f"{file.path}: is missing; it held {file.documents:,} documents")
        return
    findings.files += 1
    findings.bytes += size
    findings.expect(f"{file.path}: bytes", file.bytes, size)
    findings.expect(f"{file.path}: sha256", file.sha256, store.sha256(file.path))
    try:
        footer = footer_counts(store, file.path)
        findings.expect(f"{file.path}: documents in the footer", file.documents, footer.rows)
        _check_counts(file, footer.counts, findings)
        seen.counts += footer.counts
        seen.removed.update(footer.removed)
        _check_columns(store, manifest, file, footer, seen, recounter, findings)
    except (RunError, OSError, ValueError, pa.ArrowException) as error:
        told = str(error)
        named = told if file.path in told else f"{file.path}: cannot be read: {told}"
        findings.problems.append(named)


def _check_index(store: Store, manifest: Manifest, findings: Findings, *, every: bool) -> None:
    check = IndexCheck(store, every)
    for shard in manifest.shards:
        file = shard.index
        if file is None:
            continue
        size = store.size(file.path)
        if size is None:
            findings.problems.append(f"{file.path}: is missing; it is the index of {shard.path}")
            continue
        findings.bytes += size
        findings.expect(f"{file.path}: bytes", file.bytes, size)
        findings.expect(f"{file.path}: sha256", file.sha256, store.sha256(file.path))
        try:
            findings.problems.extend(check.problems(shard))
        except (SkyPileError, OSError, ValueError, pa.ArrowException) as error:
            findings.problems.append(str(error))
    findings.index_files, findings.signed = check.files, check.signed
    findings.notes.extend(check.notes)


def _digest(store: Store) -> str:
    return manifest_digest(store.read_json(MANIFEST))


def _check_counts(file: Shard | LeftOut, counts: OutcomeCounts, findings: Findings) -> None:
    wanted = KEPT if isinstance(file, Shard) else file.outcome
    for (outcome, _, domain), rows in counts.items():
        if outcome != wanted:
            findings.problems.append(
                f"{file.path}: the footer counts {rows:,} documents as {outcome}, in a file of "
                f"{wanted} ones"
            )
        elif isinstance(file, Shard) and domain != file.domain:
            findings.problems.append(
                f"{file.path}: the footer counts {rows:,} documents of domain {domain}, in a file "
                f"of domain {file.domain}"
            )


def _check_columns(
    store: Store,
    manifest: Manifest,
    file: Shard | LeftOut,
    footer: Footer,
    seen: _Seen,
    recounter: Recounter,
    findings: Findings,
) -> None:
    removed: Counter[str] = Counter()
    names = ("record", "domain", "subset", "tokens", "outcome", *footer.removed)
    names = (*names, *seen.pools.columns)
    with store.open(file.path) as stream, pq.ParquetFile(stream) as parquet:
        told = (parquet.metadata.metadata or {}).get(FINGERPRINT_KEY, b"none").decode()
        findings.expect(f"{file.path}: fingerprint", manifest.recipe.fingerprint, told)
        rows = tokens = 0
        for table in _tables(parquet, names):
            rows += table.num_rows
            removed.update(removed_chars(table))
            seen.records.add(table.column("record"))
            tokens += _add_tokens(file, table, seen)
        findings.documents += rows
        findings.expect(f"{file.path}: documents", file.documents, rows)
        for name, chars in removed.items():
            findings.expect(f"{file.path}: {name} in the footer", footer.removed[name], chars)
        if file.tokens is not None:
            findings.expect(f"{file.path}: tokens", file.tokens, tokens)
            findings.tokens += tokens if isinstance(file, Shard) else 0
            recounted, problems = recounter.check(parquet, file.path)
            findings.recounted += recounted
            findings.problems.extend(problems)


def _tables(parquet: pq.ParquetFile, names: tuple[str, ...]) -> Iterator[pa.Table]:
    known = [name for name in names if name in parquet.schema_arrow.names]
    for group in range(parquet.num_row_groups):
        yield parquet.read_row_group(group, columns=known)


def _add_tokens(file: Shard | LeftOut, table: pa.Table, seen: _Seen) -> int:
    """Add a row group's documents and tokens to `seen`; return its tokens."""
    if "tokens" not in table.column_names:
        return 0
    tokens = np.asarray(table.column("tokens").fill_null(0))
    if isinstance(file, Shard):
        seen.documents[file.domain] += table.num_rows
        seen.tokens[file.domain] += int(tokens.sum())
        subsets = seen.subsets.setdefault(file.domain, Counter())
        names = np.asarray(table.column("subset").fill_null("").to_pylist())
        for name in np.unique(names):
            subsets[str(name)] += int(tokens[names == name].sum())
        if file.domain in seen.pools.within:
            seen.pools.add_kept(table)
    elif file.outcome == SURPLUS:
        domains = np.asarray(table.column("domain").fill_null("").to_pylist())
        for name in np.unique(domains):
            largest = int(tokens[domains == name].max())
            seen.largest_surplus[str(name)] = max(seen.largest_surplus[str(name)], largest)
        seen.pools.add_surplus(table)
    return int(pc.sum(table.column("tokens")).as_py() or 0)


def _check_names(store: Store, manifest: Manifest, findings: Findings) -> None:
    """Note files that nobody wrote, or that stand twice in the manifest."""
    told = Counter(file.path for file in (*manifest.files, *manifest.index_files))
    for path in sorted(path for path, times in told.items() if times > 1):
        findings.problems.append(f"{path}: the manifest lists it {told[path]} times")
    for folder in FOLDERS:
        for path in store.walk(folder):
            if path not in told:
                findings.problems.append(f"{path}: the manifest does not list it")


def _check_ledger(manifest: Manifest, seen: _Seen, findings: Findings) -> None:
    ledger = manifest.ledger
    rejected, errors = sum(ledger.rejected.values()), sum(ledger.error.values())
    total = ledger.kept + ledger.surplus + rejected + errors
    if ledger.read != total:
        findings.problems.append(
            f"ledger: read {ledger.read:,}, but {ledger.kept:,} kept + {ledger.surplus:,} surplus "
            f"+ {rejected:,} rejected + {errors:,} error = {total:,}"
        )
    read = sum(unit.read for unit in manifest.inputs)
    findings.expect("ledger: read, by the inputs' own counts", ledger.read, read)
    found: Counter[tuple[str, str]] = Counter()
    for (outcome, reason, _), rows in seen.counts.items():
        found[outcome, (reason or "") if outcome in (REJECTED, ERROR) else ""] += rows
    told = {(KEPT, ""): ledger.kept, (SURPLUS, ""): ledger.surplus}
    told |= {(REJECTED, reason): rows for reason, rows in ledger.rejected.items()}
    told |= {(ERROR, reason): rows for reason, rows in ledger.error.items()}
    if manifest.surplus == "none":
        # Not written, so there is no footer that counts them.
        del told[SURPLUS, ""]
    for outcome, reason in sorted(set(told) | set(found)):
        key = (outcome, reason)
        name = f"{outcome}: {reason}" if reason else outcome
        findings.expect(f"ledger: {name}, by the footers", told.get(key, 0), found[key])
    _check_domains(manifest, seen, findings)
    for name in sorted(set(ledger.removed_chars) | set(seen.removed)):
        chars = ledger.removed_chars.get(name, 0)
        # Surplus that was not written has no footer that counts.
        if manifest.surplus != "none" or chars < seen.removed[name]:
            what = f"ledger: removed_chars: {name}, by the footers"
            findings.expect(what, chars, seen.removed[name])


def _check_domains(manifest: Manifest, seen: _Seen, findings: Findings) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for (outcome, _, domain), rows in seen.counts.items():
        found[domain or NO_DOMAIN, outcome] += rows
    skipped = {SURPLUS} if manifest.surplus == "none" else set()
    by_domain = manifest.ledger.by_domain
    for domain in sorted(set(by_domain) | {domain for domain, _ in found}):
        told = by_domain.get(domain, {})
        for outcome in OUTCOMES:
            if outcome not in skipped:
                what = f"ledger: by_domain: {domain}: {outcome}, by the footers"
                findings.expect(what, told.get(outcome, 0), found[domain, outcome])


def _check_recipe(manifest: Manifest, findings: Findings) -> None:
    told = manifest.recipe.fingerprint
    try:
        found = _fingerprint(manifest)
    except (KeyError, TypeError, AttributeError) as error:
        findings.problems.append(f"{MANIFEST}: recipe.definition: {error!r}")
        return
    findings.expect("recipe: fingerprint of its definition and versions", told, found)


def _fingerprint(manifest: Manifest) -> str:
    """Return what `Recipe.fingerprint` returned for the recipe that the manifest holds."""
    definition = manifest.recipe.definition
    mix = definition["mix"]
    data = {section: _without_sources(definition[section]) for section in ("steps", "score")} | {
        "dedup": definition["dedup"],
        "subset": mix["subset"] if mix else None,
        "versions": manifest.versions,
    }
    if mix and mix.get("within"):
        data["within"] = mix["within"]
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without_sources(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "stages": step["stages"],
            "rules": [{k: v for k, v in rule.items() if k != "source"} for rule in step["rules"]],
        }
        for step in steps
    ]


def _check_mixture(manifest: Manifest, seen: _Seen, findings: Findings) -> None:
    mixture = manifest.mixture
    whole = sum(seen.tokens.values())
    for domain in sorted(set(mixture.reached) | set(seen.documents)):
        what = f"mixture: {domain}"
        told = mixture.reached.get(domain)
        if told is None:
            findings.problems.append(f"{what}: is in the shards, but not in the manifest's mixture")
            continue
        findings.expect(f"{what}: documents", told.documents, seen.documents[domain])
        findings.expect(f"{what}: tokens", told.tokens, seen.tokens[domain])
        subsets = {name: n for name, n in seen.subsets.get(domain, Counter()).items() if n}
        named = {name: n for name, n in told.subsets.items() if n}
        findings.expect(f"{what}: tokens by subset", _sorted(named), _sorted(subsets))
        share = seen.tokens[domain] / whole if whole else 0.0
        if not math.isclose(told.share, share, abs_tol=SHARE_ERROR):
            findings.expect(f"{what}: share", told.share, share)
    if mixture.asked is not None:
        _check_targets(manifest, seen, findings)


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _check_targets(manifest: Manifest, seen: _Seen, findings: Findings) -> None:
    """Each domain holds as many documents of its order as fit into its target, and no more."""
    mixture = manifest.mixture
    assert mixture.asked is not None
    weights = mixture.asked.weights
    whole = sum(weights.values())
    gone = manifest.forgotten.tokens
    for domain, weight in weights.items():
        told = mixture.asked.normalized.get(domain, 0.0)
        if not math.isclose(told, weight / whole, abs_tol=SHARE_ERROR):
            findings.expect(f"mixture: {domain}: normalized weight", told, weight / whole)
    for domain in DOMAINS:
        target = mixture.target_tokens.get(domain)
        tokens = seen.tokens[domain]
        if target is None:
            if tokens:
                findings.problems.append(
                    f"mixture: {domain}: has no weight, but {tokens:,} tokens in the shards"
                )
        elif tokens > target:
            findings.problems.append(
                f"mixture: {domain}: {tokens:,} tokens are more than the target of {target:,}"
            )
        elif domain in seen.pools.within:
            continue  # held to its target by pools
        # What was forgotten left room that no other document has taken.
        elif 0 < seen.largest_surplus[domain] <= target - tokens - gone.get(domain, 0):
            findings.problems.append(
                f"mixture: {domain}: {tokens:,} tokens leave {target - tokens:,} of the target of "
                f"{target:,} empty, though every surplus document would fit"
            )
