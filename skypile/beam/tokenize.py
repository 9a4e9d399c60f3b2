"""Phase tokenize on Beam: shards dealt to workers, each shard through one function."""

from __future__ import annotations

from collections.abc import Sequence

from skypile import interrupts
from skypile.beam.execute import run_pipeline
from skypile.beam.graph import Each, spread
from skypile.beam.runners import RunnerOptions
from skypile.errors import RunError
from skypile.phases.tokenize import ShardTask, TokenContext, tokenize_shard, tokenized
from skypile.phases.work import Entry
from skypile.progress import Count, Progress, Share

__all__ = ["TokenizedShards", "shards", "tokenize"]


def shards(context: TokenContext, tasks: Sequence[ShardTask]) -> Each:
    """Shards to parts of token streams."""
    return Each(tasks, ShardTask, tokenize_shard, context)


def tokenize(
    context: TokenContext, tasks: Sequence[ShardTask], options: RunnerOptions, *, quiet: bool
) -> list[Entry]:
    """Tokenize what no earlier run has finished; return the entries of all shards, in order."""
    before = [tokenized(context, task, hashed=True) for task in tasks]
    todo = [task for task, entry in zip(tasks, before, strict=True) if entry is None]
    poll = TokenizedShards(context, todo, len(tasks))
    with Progress("tokenize", poll, quiet=quiet) as progress, interrupts.kept(
        lambda: _kept(context, progress.count)
    ):  # fmt: skip
        if todo:
            dealt = spread(todo, [task.size for task in todo], options.workers)
            run_pipeline("tokenize", shards(context, dealt), options.shared)
    return [_there(tokenized(context, task), task) for task in tasks]


def _kept(context: TokenContext, count: Count | None) -> str:
    """Return the end of the sentence about an interruption."""
    finished = f", {count.done:,} of {count.whole:,} shards finished" if count else ""
    return (
        f"in phase tokenize{finished}; finished work is kept in {context.work.root}, and the same "
        "command goes on from there"
    )


def _there(entry: Entry | None, task: ShardTask) -> Entry:
    if entry is None:
        raise RunError(f"{task.path}: its tokens are not complete; run the same command again")
    return entry


class TokenizedShards:
    """The poll of the phase: entries that appear in the work folder."""

    def __init__(self, context: TokenContext, todo: Sequence[ShardTask], whole: int) -> None:
        self._store, self._whole = context.work, whole
        self._share = Share([task.size for task in todo])
        names = (task.name(context) for task in todo)
        self._left = {f"{name.rpartition('/')[2]}.json": at for at, name in enumerate(names)}
        self._sizes = [task.size for task in todo]
        self._earlier = whole - len(todo)
        self._documents = self._bytes = 0

    def __call__(self) -> Count:
        """Return what is finished."""
        if self._left:
            for name in self._left.keys() & set(self._store.names("tokenize")):
                found = self._store.read_json(f"tokenize/{name}")
                if found is None:
                    continue
                number = self._left.pop(name)
                self._share.finish(number, self._sizes[number])
                self._documents += found["data"]["documents"]
                self._bytes += found["data"]["text_bytes"]
        return Count(
            done=self._whole - len(self._left),
            whole=self._whole,
            what="shards",
            earlier=self._earlier,
            documents=self._documents,
            text_bytes=self._bytes,
            share=self._share.value() if self._whole > self._earlier else None,
        )
