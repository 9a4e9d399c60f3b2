"""What each step of a run does: its stage, its learning rate, and the rows of its batch.

All of it is a function of the configuration and the number of the step, for any number of ranks
and any size of micro-batches: step s takes the rows of slots s·G to s·G + G - 1. Sources are read
in an order of their own per pass, and a source that several stages name goes on where it was. The
one thing that a run adds as it goes is where its guard backed off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skypile.errors import InputError, UsageError
from skypile.pretrain.mixture import Mixture, Share
from skypile.pretrain.optim import constant_rate, cosine_rate
from skypile.pretrain.run_config import RunConfig, StageConfig
from skypile.pretrain.shuffle import permuted
from skypile.pretrain.token_set import Stream, TokenSet

__all__ = ["Plan", "Row", "Source", "StagePlan"]

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One row of a batch: the `number`-th of a stream of the token set."""

    stream: Stream
    number: int


@dataclass(frozen=True)
class Source:
    """Streams that are drawn from as one, rows of `row_tokens` tokens, in a new order each pass."""

    key: str
    streams: tuple[Stream, ...]
    row_tokens: int

    @property
    def name(self) -> str:
        """The streams' names: what stays the same where stages call a source by other keys."""
        return "+".join(stream.name for stream in self.streams)

    @property
    def is_general(self) -> bool:
        """Whether it is no subset's."""
        return all(stream.subset == "main" for stream in self.streams)

    @property
    def row_counts(self) -> I64:
        """How many rows each stream has; the last token of one has no target, so is no input."""
        counts = [max(s.file.token_count - 1, 0) // self.row_tokens for s in self.streams]
        return np.array(counts, np.int64)

    def rows(self, places: I64, seed: int) -> list[Row]:
        """Return the rows at places 0, 1, ... of the endless order."""
        ends = np.cumsum(self.row_counts)
        count = int(ends[-1])
        passes, within = np.divmod(places, count)
        numbers = np.empty(len(places), np.int64)
        for one in np.unique(passes).tolist():
            chosen = passes == one
            key = f"{seed}:{self.name}:{one}"
            numbers[chosen] = permuted(within[chosen], count=count, key=key)
        streams = np.searchsorted(ends, numbers, side="right")
        begins = ends - self.row_counts
        return [
            Row(self.streams[stream], number - int(begins[stream]))
            for stream, number in zip(streams.tolist(), numbers.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class _Segment:
    """Steps `first` to `end` - 1, with one mixture; `places` are where its sources go on."""

    first: int
    end: int
    mixture: Mixture
    places: I64


@dataclass(frozen=True)
class StagePlan:
    """A stage, its steps `first` to `end` - 1, and its sources."""

    config: StageConfig
    first: int
    end: int
    sources: tuple[Source, ...]


class Plan:
    """The whole run. `back_offs` are the steps before which a guard halved the subsets' shares."""

    def __init__(
        self, config: RunConfig, tokens: TokenSet, *, back_offs: Sequence[int] = ()
    ) -> None:
        self.config, self.back_offs = config, tuple(back_offs)
        stages, first = [], 0
        for stage in config.stages:
            end = first + -(-stage.tokens // config.batch_tokens)
            sources = _sources(stage, tokens, config.seq_len)
            stages.append(StagePlan(stage, first, end, sources))
            first = end
        self.stages, self.step_count = tuple(stages), first
        self._segments = self._laid_out()
        self._check_repeats()

    def stage_of(self, step: int) -> StagePlan:
        """Return the stage that a step, 0, 1, ..., belongs to."""
        return next(stage for stage in self.stages if step < stage.end)

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step."""
        stage = self.stage_of(step)
        lr = stage.config.lr
        warmup = -(-lr.warmup_tokens // self.config.batch_tokens)
        if lr.last is None:
            return constant_rate(step - stage.first, rate=lr.first, warmup_steps=warmup)
        return cosine_rate(
            step - stage.first, step_count=stage.end - stage.first, warmup_steps=warmup,
            peak=lr.first, floor=lr.last,
        )  # fmt: skip

    def rows(self, step: int, start: int = 0, count: int | None = None) -> list[Row]:
        """Return `count` rows of a step's batch from `start` on; all of it by default."""
        stage, segment = self.stage_of(step), self._segment_of(step)
        count = self.config.batch_rows - start if count is None else count
        slot = (step - stage.first) * self.config.batch_rows
        chosen = segment.mixture.sources(slot, start + count)
        places = segment.places + segment.mixture.counts(slot)
        rows: list[Row | None] = [None] * len(chosen)
        for number, source in enumerate(stage.sources):
            at = np.flatnonzero(chosen == number)
            found = source.rows(places[number] + np.arange(len(at)), self.config.seed)
            for slot_in_step, row in zip(at.tolist(), found, strict=True):
                rows[slot_in_step] = row
        return [row for row in rows[start:] if row is not None]

    def counts(self, step: int) -> I64:
        """Return the rows that each source of the step's stage, or part of it, had before it."""
        slot = (step - self.stage_of(step).first) * self.config.batch_rows
        return self._segment_of(step).mixture.counts(slot)

    def learn(self, step: int, counts: Sequence[int]) -> None:
        """Take over `counts` of an earlier process; raises ValueError where they cannot be."""
        slot = (step - self.stage_of(step).first) * self.config.batch_rows
        self._segment_of(step).mixture.learn(slot, np.array(counts, np.int64))

    def passes(self) -> dict[str, float]:
        """Return by stream how often the run goes through it."""
        found: dict[str, float] = {}
        for segment in self._segments:
            stage = self.stage_of(segment.first)
            due = segment.mixture.due((segment.end - stage.first) * self.config.batch_rows)
            for source, rows in zip(stage.sources, due.tolist(), strict=True):
                for stream in source.streams:
                    share = rows / int(source.row_counts.sum())
                    found[stream.name] = found.get(stream.name, 0.0) + share
        return found

    def _segment_of(self, step: int) -> _Segment:
        return next(segment for segment in self._segments if step < segment.end)

    def _laid_out(self) -> tuple[_Segment, ...]:
        """Return stages cut where a guard backed off, with where each source goes on.

        A segment's count of rows is one of two whole numbers; the next begins behind the larger,
        which can leave out one row of a pass and needs no counting.
        """
        taken: dict[str, int] = {}
        segments = []
        for stage in self.stages:
            shares = stage.config.shares()
            cuts = [at for at in self.back_offs if stage.first <= at < stage.end]
            for first, end in zip([stage.first, *cuts], [*cuts, stage.end], strict=True):
                if first > stage.first:
                    shares = _halved(shares, stage.sources)
                rows = [(at - stage.first) * self.config.batch_rows for at in (first, end)]
                whole = (stage.end - stage.first) * self.config.batch_rows
                mixture = Mixture(shares, whole, start=rows[0])
                names = [source.name for source in stage.sources]
                places = np.array([taken.get(name, 0) for name in names], np.int64)
                segments.append(_Segment(first, end, mixture, places))
                due = np.ceil(mixture.due(rows[1]) - 1e-6).astype(np.int64)
                taken |= dict(zip(names, (places + due).tolist(), strict=True))
        return tuple(segments)

    def _check_repeats(self) -> None:
        most = self.config.max_repeats
        streams = {s.name: s for stage in self.stages for src in stage.sources for s in src.streams}
        for name, passes in self.passes().items():
            if passes > most + 1e-9:
                there = streams[name].file.token_count
                raise UsageError(
                    f"the stages need {passes * there:,.0f} tokens of {name}, which has {there:,}: "
                    f"{passes:.1f} passes, and max_repeats is {most:g}; tokenize more text, give "
                    "it less weight or the stages fewer tokens, or raise max_repeats"
                )


def _halved(shares: Sequence[Share], sources: Sequence[Source]) -> list[Share]:
    """Return shares with those of subsets halved, and the others raised in proportion."""
    subsets = [
        share for share, source in zip(shares, sources, strict=True) if not source.is_general
    ]
    # What general sources have of what subsets leave: as weights give it, the same all along.
    general = [
        (share.constant + share.linear / 2 + share.square / 3) if source.is_general else 0.0
        for share, source in zip(shares, sources, strict=True)
    ]
    freed = Share(
        sum(share.constant for share in subsets) / 2,
        sum(share.linear for share in subsets) / 2,
        sum(share.square for share in subsets) / 2,
    )
    found = []
    for share, source, weight in zip(shares, sources, general, strict=True):
        more = freed.scaled(weight / sum(general))
        if not source.is_general:
            found.append(share.scaled(0.5))
        else:
            found.append(
                Share(
                    share.constant + more.constant,
                    share.linear + more.linear,
                    share.square + more.square,
                )
            )
    return found


def _sources(stage: StageConfig, tokens: TokenSet, row_tokens: int) -> tuple[Source, ...]:
    """Return the stage's sources with their streams; no stream is in two of them."""
    taken: dict[str, str] = {}
    found: dict[str, list[Stream]] = {key: [] for key in stage.mixture}
    # Those that name a subset choose first; a domain alone takes what is left of it.
    for key in sorted(stage.mixture, key=lambda key: ("/" not in key, "*" in key)):
        domain, _, subset = key.partition("/")
        for stream in tokens.train:
            is_meant = domain in ("*", stream.domain) and subset in ("", stream.subset)
            if is_meant and stream.name not in taken:
                found[key].append(stream)
                taken[stream.name] = key
    sources = []
    for key, streams in found.items():
        source = Source(key, tuple(streams), row_tokens)
        if not streams:
            there = ", ".join(stream.name for stream in tokens.train) or "nothing"
            raise UsageError(
                f"stage {stage.name}: its mixture names {key!r}, but {tokens.path} has no such "
                f"tokens; it has {there}"
            )
        if not source.row_counts.sum():
            count = sum(stream.file.token_count for stream in streams)
            raise InputError(
                f"stage {stage.name}: source {key!r} has {count:,} tokens, fewer than one row of "
                f"{row_tokens:,}; tokenize more text or lower seq_len"
            )
        sources.append(source)
    return tuple(sources)
