"""``skypile label``: labels for training, by votes of lists, sources and rules, and by a person."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from skypile.cli.curated import Counts, judged, read_pieces
from skypile.cli.inputs import Inputs, add_input_arguments, gathered, ordered_plan
from skypile.cli.outputs import Lines, open_lines
from skypile.cli.terminal import say, say_whether_it_compiles, show, table
from skypile.errors import InputError, UsageError
from skypile.io.sources import ReadOptions
from skypile.io.units import Plan
from skypile.label.combine import Cast, cast, fitted, probabilities
from skypile.label.review import AUDIT, Offered, Review
from skypile.label.spec import LabelSpec, load_spec
from skypile.progress import Count, Progress
from skypile.recipe import Step

__all__ = ["add_arguments", "run"]

EPILOG = """\
VOTES.yaml names stages, as a recipe does, and for each head (porn, quality, ...) votes on their
columns. Each document that somebody votes on is written with the probability of each head, null
where it is nearer to one half than --min-confidence. --review draws documents for a person, who
replaces each null of a head by true or false; the judged file trains as it is, and with --judged it
corrects the votes' confidences and overrules them. See docs/labels.md.
"""
SHOWN_CHARS = 20_000
Bools = npt.NDArray[np.bool_]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile label``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add_input_arguments(parser, "; - is stdin")
    add("--votes", required=True, metavar="VOTES.yaml", help="who votes on what")
    add("-o", "--output", required=True, metavar="FILE", help="labelled rows, JSON Lines (.jsonl, "
        ".jsonl.gz, .jsonl.zst); - is stdout")  # fmt: skip
    add("--min-confidence", type=float, default=0.7, metavar="P",
        help="label yes from P on and no from 1 - P down (default: %(default)s)")  # fmt: skip
    add("--review", metavar="FILE", help="write documents for a person to judge, JSON Lines")
    add("--review-size", type=int, default=200, metavar="N",
        help="of each head at most so many (default: %(default)s)")  # fmt: skip
    add("--judged", action="append", default=[], metavar="FILE",
        help="a reviewed file with true and false filled in; repeatable")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="of what is drawn (default: 0)")
    add("--limit", type=int, metavar="N", help="read at most N records of each file")
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--id-field", default="id", metavar="NAME", help="default: %(default)s")
    add("--quiet", action="store_true", help="show no progress and no table")


@dataclass
class Judgements:
    """What a person said: hash of a text -> answer, by head."""

    answers: dict[str, dict[int, bool]] = field(default_factory=dict)
    fair: dict[str, set[int]] = field(default_factory=dict)  # those drawn evenly, by head

    def of(self, head: str, hashes: list[int]) -> tuple[Bools, Bools]:
        """Return which texts were judged, and the answers (False where there is none)."""
        known = self.answers.get(head, {})
        return (
            np.array([one in known for one in hashes], bool),
            np.array([known.get(one, False) for one in hashes], bool),
        )


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Label the inputs; return 0, or raise SkyPileError."""
    assert not extra
    if not 0.5 <= args.min_confidence < 1:
        raise UsageError(f"--min-confidence {args.min_confidence:g}: give 0.5 to below 1")
    if args.review_size < 2:
        raise UsageError(f"--review-size {args.review_size}: give 2 or more")
    if args.output == args.review or (args.review == "-"):
        raise UsageError("--review needs a file of its own")
    spec = load_spec(args.votes)
    inputs = gathered(args.inputs, args.files_from)
    if not args.quiet:
        say_whether_it_compiles()
    spec, said, right = _learnt(spec, args)
    result = _Result(spec, {n: len(head.votes) for n, head in spec.heads.items()}, args)
    with ExitStack() as stack, Progress("label", quiet=args.quiet) as progress:
        out = stack.enter_context(open_lines(args.output))
        plan = ordered_plan(inputs)
        counts = Counts()
        for batch in _scored(spec, args, plan, counts):
            result.add(batch, said, out)
            progress.update(Count(what="records", documents=counts.ledger.read))
        if args.review is not None:
            lines = stack.enter_context(open_lines(args.review))
            for row in _asked(result.review):
                lines.write(orjson.dumps(row))
    if not args.quiet:
        say(*result.table(right))
    unreadable = sum(counts.unreadable.values())
    if unreadable:
        say(f"{unreadable:,} records could not be read and have no label")
    if args.output != "-":
        show(args.output)
    return 0


def _scored(
    spec: LabelSpec, args: argparse.Namespace, plan: Plan, counts: Counts
) -> Iterator[pa.RecordBatch]:
    """Yield the documents that could be read, with the columns of the stages."""
    options = ReadOptions(
        text_field=args.text_field, id_field=args.id_field, limit=args.limit, html=args.html
    )
    steps = [Step(stages=spec.recipe.steps[0].stages)]
    for piece in judged(read_pieces(plan.units, options, counts, rewrites=False), steps):
        counts.add(piece)
        yield piece.batch.filter(pc.is_null(piece.batch.column("outcome")))


def _hashes(batch: pa.RecordBatch) -> list[int]:
    return [xxhash.xxh3_64_intdigest(text.as_buffer()) for text in batch.column("text")]


class _Result:
    """Labels batches, writes them, counts, and draws what a person is asked."""

    def __init__(self, spec: LabelSpec, votes: Mapping[str, int], args: argparse.Namespace) -> None:
        self.spec, self.margin = spec, args.min_confidence
        self.review = Review(votes, args.review_size if args.review else 0, args.seed)
        self.asks = args.review is not None
        self.documents = 0
        self.fired: Counter[tuple[str, str]] = Counter()
        self.overruled: Counter[tuple[str, str]] = Counter()
        self.labelled: Counter[tuple[str, str]] = Counter()

    def add(self, batch: pa.RecordBatch, said: Judgements, out: Lines) -> None:
        """Label the documents of `batch`, and write those on which there is anything to say."""
        self.documents += batch.num_rows
        hashes = _hashes(batch)
        labels: dict[str, list[float | None]] = {}
        names: dict[str, list[list[str]]] = {}
        told = np.zeros(batch.num_rows, bool)
        rows = batch.select(["id", "record", "text", "url", "source"])
        sources = batch.column("source").to_pylist()
        for head, spec in self.spec.heads.items():
            votes = cast(batch, spec)
            found = probabilities(votes, spec.prior)
            known, answers = said.of(head, hashes)
            self._count(head, votes, found)
            names[head] = [[votes.votes[n].name for n in np.flatnonzero(row)] for row in votes.hits]
            if self.asks:
                for at in np.flatnonzero(~np.isnan(found) & ~known).tolist():
                    offered = Offered(hashes[at], sources[at] or "", float(found[at]), rows, at)
                    self.review.add(head, offered, names[head][at])
            sure = np.maximum(found, 1 - found) >= self.margin
            final = np.where(known, answers, np.where(sure, found, np.nan))
            labels[head] = [None if np.isnan(p) else round(float(p), 6) for p in final]
            self._count_labels(head, final, found)
            told |= known | ~np.isnan(found)
        chosen = np.flatnonzero(told)
        for at, row in zip(chosen.tolist(), rows.take(pa.array(chosen)).to_pylist(), strict=True):
            row |= {head: labels[head][at] for head in labels}
            row["votes"] = {head: names[head][at] for head in names if names[head][at]}
            out.write(orjson.dumps(row))

    def _count(self, head: str, votes: Cast, found: npt.NDArray[np.float64]) -> None:
        for number, vote in enumerate(votes.votes):
            hit = votes.hits[:, number]
            self.fired[head, vote.name] += int(hit.sum())
            other = (found < 0.5) if vote.label else (found > 0.5)
            self.overruled[head, vote.name] += int((hit & other).sum())

    def _count_labels(
        self, head: str, final: npt.NDArray[np.float64], found: npt.NDArray[np.float64]
    ) -> None:
        self.labelled[head, "yes"] += int((final > 0.5).sum())
        self.labelled[head, "no"] += int((final < 0.5).sum())
        undecided = np.isnan(final) | (final == 0.5)
        self.labelled[head, "undecided"] += int((undecided & ~np.isnan(found)).sum())
        self.labelled[head, "nobody"] += int((undecided & np.isnan(found)).sum())

    def table(self, right: Mapping[str, list[tuple[int, int]]]) -> list[str]:
        """Return who voted how often, and what came of it, as lines."""
        votes = [["head", "vote", "says", "confidence", "judged", "cast", "outvoted"]]
        heads = [["head", "yes", "no", "undecided", "no vote"]]
        for head, spec in self.spec.heads.items():
            for vote, (good, number) in zip(spec.votes, right[head], strict=True):
                key = (head, vote.name)
                votes.append(
                    [
                        head, vote.name, "yes" if vote.label else "no", f"{vote.confidence:.3f}",
                        f"{good}/{number}" if number else "", f"{self.fired[key]:,}",
                        f"{self.overruled[key]:,}",
                    ]
                )  # fmt: skip
            kinds = ("yes", "no", "undecided", "nobody")
            heads.append([head, *(f"{self.labelled[head, kind]:,}" for kind in kinds)])
        return [f"{self.documents:,} documents", "", *table(votes), "", *table(heads)]


def _asked(review: Review) -> Iterator[dict[str, Any]]:
    """Yield one row for each document that was drawn, with a null for each head that asks."""
    rows: dict[int, dict[str, Any]] = {}
    for asked in review.drawn():
        row = rows.setdefault(
            asked.key[1], {**asked.row, "text": asked.row["text"][:SHOWN_CHARS], "asked": {}}
        )
        row[asked.head] = None
        row["asked"][asked.head] = {
            "why": asked.why, "probability": round(asked.probability, 6), "votes": asked.votes,
        }  # fmt: skip
    for row in rows.values():
        row["asked"] = row.pop("asked")  # behind what a person fills in
        yield row


def _learnt(
    spec: LabelSpec, args: argparse.Namespace
) -> tuple[LabelSpec, Judgements, dict[str, list[tuple[int, int]]]]:
    """Return `spec` with what judged files teach, the judgements, and (right, judged) by vote."""
    said = Judgements()
    nothing = {name: [(0, 0)] * len(head.votes) for name, head in spec.heads.items()}
    if not args.judged:
        return spec, said, nothing
    plan = ordered_plan(Inputs(tuple(args.judged)))
    options = argparse.Namespace(text_field="text", id_field="id", limit=None, html=args.html)
    counts = Counts()
    seen: dict[str, tuple[list[Bools], list[Bools]]] = {name: ([], []) for name in spec.heads}
    for batch in _scored(spec, options, plan, counts):
        hashes = _hashes(batch)
        fields = [orjson.loads(text) if text else {} for text in batch.column("meta").to_pylist()]
        for head, wanted in spec.heads.items():
            answers = [_answer(one.get(head), head, batch, at) for at, one in enumerate(fields)]
            known = np.array([answer is not None for answer in answers], bool)
            truth = np.array([bool(answer) for answer in answers], bool)
            said.answers.setdefault(head, {}).update(
                {hashes[at]: bool(truth[at]) for at in np.flatnonzero(known).tolist()}
            )
            fair = known & np.array([_why(one, head) == AUDIT for one in fields], bool)
            seen[head][0].append(cast(batch, wanted).hits[fair])
            seen[head][1].append(truth[fair])
    if counts.unreadable:
        name, number = next(iter(counts.unreadable.items()))
        raise InputError(f"--judged {name}: {number:,} records cannot be read; mend them first")
    if not any(said.answers.values()):
        raise InputError(
            f"--judged {args.judged[0]}: no record answers {', '.join(spec.heads)} by true or false"
        )
    found = {
        head: (Cast(spec.heads[head].votes, np.concatenate(hits)), np.concatenate(truth))
        for head, (hits, truth) in seen.items()
        if hits
    }
    spec, counted = fitted(spec, found)
    return spec, said, counted


def _answer(value: object, head: str, batch: pa.RecordBatch, at: int) -> bool | None:
    """Return what a person answered; InputError for what is neither true, false nor null."""
    if value is None or isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    record = batch.column("record")[at].as_py()
    raise InputError(f"--judged {record}: {head} is {value!r}; write true, false or null")


def _why(row: Mapping[str, Any], head: str) -> object:
    asked = row.get("asked")
    asked = asked.get(head) if isinstance(asked, dict) else None
    return asked.get("why") if isinstance(asked, dict) else None
