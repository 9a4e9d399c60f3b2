"""What decided on one document of a corpus: each score against each rule, and the last word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from skypile.dedup.earlier import AGAINST
from skypile.explain.earlier import earlier_fate
from skypile.explain.lines import values
from skypile.explain.lookup import Found, Place, find, surplus_place
from skypile.io.store import Store
from skypile.policy import Rule, broken
from skypile.schema import ERROR, KEPT, REJECTED, SURPLUS
from skypile.verify.manifest import Manifest, rules_of

__all__ = ["Account", "RuleResult", "account"]

PASSED, BROKEN, DECIDED, UNKNOWN = "passed", "broken", "decided", "not computed"
DUPLICATES = ("exact_duplicate", "near_duplicate", "url_duplicate")
# Not scores: what a document is, where it comes from, what became of it.
HEAD = (
    "id", "record", "url", "source", "domain", "subset", "language", "script", "language_score",
    "prog_lang", "tokens", "meta",
)  # fmt: skip
END = (
    "text", "raw", "outcome", "reason", "reason_score", "reason_limit", "duplicate_of", "message",
    "byte_offset",
)  # fmt: skip


@dataclass(frozen=True)
class RuleResult:
    """A rule that holds for a document's domain, and how the document fares by it."""

    reason: str
    test: str
    column: str
    score: float | str | None
    limit: float | None
    result: str  # passed, broken, decided (broken first), not computed


@dataclass(frozen=True)
class Account:
    """All that a corpus tells about one of its documents."""

    file: str
    outcome: str
    reason: str | None
    decided: str
    head: dict[str, Any]
    rules: list[RuleResult]
    scores: dict[str, Any]  # those that no rule tests
    place: Place | None
    text: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        return asdict(self)


def account(store: Store, manifest: Manifest, document: Found) -> Account:
    """Return what decided on `document`."""
    outcome, reason = document.value("outcome"), document.value("reason")
    rules = _results(manifest, document)
    place = None
    if outcome == SURPLUS and document.value("text") is not None:
        place = surplus_place(store, manifest, document)
    tested = {rule.column for rule in rules}
    names = [n for n in document.batch.schema.names if n not in (*HEAD, *END) and n not in tested]
    head = {name: document.value(name) for name in HEAD if document.value(name) is not None}
    return Account(
        file=document.path,
        outcome=outcome,
        reason=reason,
        decided=_decided(store, manifest, document, rules, place),
        head=head,
        rules=rules,
        scores={name: _plain(document, name) for name in names},
        place=place,
        text=document.value("text"),
    )


def _plain(document: Found, name: str) -> Any:
    found = values(document.batch.column(name))[0]
    # The shortest decimal of a float32, not the 17 digits of the double that it becomes.
    return found if found is None or isinstance(found, str | int) else float(str(found))


def _results(manifest: Manifest, document: Found) -> list[RuleResult]:
    """Return the rules of the document's domain in the order in which they are tested."""
    domain, rejected = document.value("domain"), document.value("outcome") == REJECTED
    results: list[RuleResult] = []
    waits = rejected and document.value("reason") not in DUPLICATES
    for rule in (*rules_of(manifest, "steps"), *rules_of(manifest, "score")):
        if rule.domain is None or domain in rule.domain:
            result = _result(rule, document)
            if waits and result == BROKEN and rule.reason == document.value("reason"):
                result, waits = DECIDED, False
            score = _plain(document, rule.column) if result != UNKNOWN else None
            results.append(
                RuleResult(rule.reason, rule.describe(), rule.column, score, rule.limit, result)
            )
    return results


def _result(rule: Rule, document: Found) -> str:
    batch = document.batch
    if rule.column not in batch.schema.names or not {"domain"} <= set(batch.schema.names):
        return UNKNOWN
    decided_by_null = (
        document.value("reason") == rule.reason and document.value("reason_score") is None
    )
    if batch.column(rule.column).null_count and not decided_by_null:
        return UNKNOWN
    return BROKEN if broken(rule, _numbers(batch, rule))[0] else PASSED


def _numbers(batch: pa.RecordBatch, rule: Rule) -> pa.RecordBatch:
    return batch.select([rule.column, "domain"] if rule.column != "domain" else ["domain"])


def _decided(
    store: Store,
    manifest: Manifest,
    document: Found,
    rules: Sequence[RuleResult],
    place: Place | None,
) -> str:
    outcome, reason = document.value("outcome"), document.value("reason")
    if outcome == KEPT:
        return f"kept: it breaks none of {len(rules)} rules{_within(manifest, document)}"
    if outcome == SURPLUS:
        return _surplus(manifest, document, place)
    if outcome == ERROR:
        where = document.value("byte_offset")
        at = "" if where is None else f" (at byte {where:,} of the uncompressed file)"
        return f"error: {reason}: {document.value('message')}{at}"
    if reason in DUPLICATES:
        return _duplicate(store, manifest, document)
    decisive = next((rule for rule in rules if rule.result == DECIDED), None)
    if decisive is None:
        return f"rejected: {reason}, which no rule of the recipe in the manifest gives as a reason"
    score = "missing" if decisive.score is None else _number(decisive.score)
    return f"rejected: {reason}: {decisive.column} is {score}, the rule is {decisive.test}"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _within(manifest: Manifest, document: Found) -> str:
    domain = document.value("domain")
    target = manifest.mixture.target_tokens.get(domain)
    if target is None:
        return "; no mixture was asked for"
    kept = [shard for shard in manifest.shards if shard.domain == domain]
    documents, tokens = sum(s.documents for s in kept), sum(s.tokens for s in kept)
    return (
        f", and is one of the first {documents:,} documents of {domain} ({tokens:,} tokens), "
        f"which the target of {target:,} tokens takes"
    )


def _surplus(manifest: Manifest, document: Found, place: Place | None) -> str:
    domain = document.value("domain")
    if place is None:
        target = manifest.mixture.target_tokens.get(domain)
        cut = "has no weight" if target is None else f"is cut at {target:,} tokens"
        return (
            f"surplus: its domain {domain} {cut}; its rank is not known, since the corpus was "
            f"built with --surplus={manifest.surplus}, without the texts of its surplus"
        )
    if place.target_tokens is None:
        return f"surplus: the mixture gives domain {domain} no weight"
    return (
        f"surplus: number {place.documents_before + 1:,} in the order of {place.pool}, behind "
        f"{place.tokens_before:,} tokens; the cut lies behind number {place.kept_documents:,}, at "
        f"{place.kept_tokens:,} tokens of a target of {place.target_tokens:,}"
    )


def _duplicate(store: Store, manifest: Manifest, document: Found) -> str:
    reason, other = document.value("reason"), document.value("duplicate_of")
    if manifest.against and other.startswith(AGAINST):
        fate = earlier_fate(manifest, other)
        return f"rejected: {reason} of {other}, which stays: {_likeness(document)}; {fate}"
    fate = "it is not in this corpus"
    if manifest.surplus == "none":
        fate = "it became surplus, which was not written"
    for found in find(store, manifest, other):
        if found.value("record") == other:
            why = f" ({found.value('reason')})" if found.value("reason") else ""
            fate = f"it is {found.value('outcome')}{why}, in {found.path}"
    return f"rejected: {reason} of {other}, which stays: {_likeness(document)}; {fate}"


def _likeness(document: Found) -> str:
    if document.value("reason") == "url_duplicate":
        return "their URLs name one page"
    if document.value("reason") != "near_duplicate":
        return "their normalised texts are equal"
    jaccard, threshold = document.value("reason_score"), document.value("reason_limit")
    return f"the Jaccard index of their shingles is {jaccard:.4f}, the threshold {threshold:g}"
