"""A run begun or gone on with, by this process or by each of those that torchrun started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from skypile.errors import UsageError
from skypile.pretrain.heap import kept_heap
from skypile.pretrain.ranks import Ranks, joined
from skypile.pretrain.run_config import RunConfig, load_config
from skypile.pretrain.run_folder import begun, check_free, config_of, found_again
from skypile.pretrain.token_set import TokenSet, open_token_set
from skypile.pretrain.trainer import Trainer

__all__ = ["Asked", "opened"]


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; `config` None is that of the run."""

    tokens: Path
    output: Path
    config: str | None
    device: str = "auto"
    threads: int | None = None
    is_resumed: bool = False
    is_deterministic: bool = False


@contextmanager
def opened(asked: Asked) -> Iterator[Trainer]:
    """Yield a trainer at the first step, or behind the newest checkpoint.

    Torch has its old count of threads again behind the block. Raises SkyPileError.
    """
    config = load_config(asked.config) if asked.config else config_of(asked.output)
    tokens = open_token_set(asked.tokens)
    _check(config, tokens)
    threads = torch.get_num_threads()
    if asked.is_deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        # A GPU's memory is kept by torch itself.
        with (
            joined(asked.device) as ranks,
            kept_heap() if ranks.device.type == "cpu" else nullcontext(),
        ):
            yield _trainer(asked, config, tokens, ranks)
    finally:
        torch.set_num_threads(threads)
        if asked.is_deterministic:
            torch.use_deterministic_algorithms(False)


def _trainer(asked: Asked, config: RunConfig, tokens: TokenSet, ranks: Ranks) -> Trainer:
    if config.batch_rows % (ranks.count * config.micro_batch_rows):
        raise UsageError(
            f"a batch of {config.batch_rows} rows cannot be divided over {ranks.count} ranks in "
            f"micro-batches of {config.micro_batch_rows} rows; change micro_batch_rows"
        )
    found = None
    if asked.is_resumed:
        found = found_again(asked.output, config, tokens)
    else:
        check_free(asked.output)
    # Another count of threads adds up in another order; a run goes on as it was begun.
    threads = asked.threads or (found[1].threads if found else torch.get_num_threads())
    torch.set_num_threads(threads)
    trainer = Trainer(config, tokens, asked.output, ranks, threads=threads)
    if found:
        trainer.resume(*found)
    ranks.wait()
    if ranks.is_first:
        begun(asked.output, config, tokens)
    return trainer


def _check(config: RunConfig, tokens: TokenSet) -> None:
    if tokens.vocabulary_count > config.model.vocabulary_count:
        raise UsageError(
            f"{tokens.path}: its tokenizer has {tokens.vocabulary_count:,} entries, the model's "
            f"vocabulary_count is {config.model.vocabulary_count:,}; give the model as many"
        )
