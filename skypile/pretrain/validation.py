"""The loss on held-out rows by stream: the measure of a run (Skywork-13B, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from skypile.pretrain.ranks import Ranks
from skypile.pretrain.rows import Batch, document_count, packed_batch
from skypile.pretrain.run_config import RunConfig
from skypile.pretrain.shuffle import permuted
from skypile.pretrain.step import LossOf
from skypile.pretrain.token_file import TokenFile
from skypile.pretrain.token_set import TokenSet

__all__ = ["ValidationRows", "risen"]


@dataclass(frozen=True)
class _Rows:
    """Rows of one stream, each given by its first token."""

    file: TokenFile
    row_tokens: int
    firsts: tuple[int, ...]


class ValidationRows:
    """The rows of each validation stream on which losses are taken: always the same."""

    def __init__(self, config: RunConfig, tokens: TokenSet) -> None:
        self._micro_rows = config.micro_batch_rows
        self.is_general = {s.name: s.subset == "main" for s in tokens.validation}
        self._rows: dict[str, _Rows] = {}
        for stream in tokens.validation:
            # A stream shorter than a row is one short row.
            row_tokens = min(config.seq_len, stream.file.token_count - 1)
            if row_tokens < 1:
                continue
            count = (stream.file.token_count - 1) // row_tokens
            wanted = np.arange(min(config.validation.rows, count))
            key = f"{config.seed}:validation:{stream.name}"
            firsts = permuted(wanted, count=count, key=key) * row_tokens
            self._rows[stream.name] = _Rows(stream.file, row_tokens, tuple(firsts.tolist()))

    def losses(self, loss_of: LossOf, ranks: Ranks) -> dict[str, float]:
        """Return the mean loss of a token, in nats, by stream."""
        return {name: self._loss(rows, loss_of, ranks) for name, rows in self._rows.items()}

    @torch.no_grad()
    def _loss(self, rows: _Rows, loss_of: LossOf, ranks: Ranks) -> float:
        """Sum over this rank's batches; every rank computes as many, for their forwards meet."""
        starts = list(range(0, len(rows.firsts), self._micro_rows))
        total = torch.zeros(2, dtype=torch.float64, device=ranks.device)
        for number in range(0, len(starts), ranks.count):
            mine = number + ranks.rank
            batch = self._batch(rows, starts[mine if mine < len(starts) else 0]).to(ranks.device)
            loss = loss_of(batch)
            if mine < len(starts):
                total[0] += loss
                total[1] += batch.target_count
        nats, count = ranks.summed(total)
        return float(nats) / max(float(count), 1.0)

    def _batch(self, rows: _Rows, start: int) -> Batch:
        firsts = rows.firsts[start : start + self._micro_rows]
        pairs = [(rows.file, first) for first in firsts]
        slots = document_count(pairs, rows.row_tokens)
        return packed_batch(pairs, row_tokens=rows.row_tokens, document_slots=-(-slots // 64) * 64)


def risen(
    losses: Mapping[str, float], baseline: Mapping[str, float], is_general: Mapping[str, bool]
) -> dict[str, float]:
    """Return by how much the loss of each general stream exceeds its baseline."""
    return {name: losses[name] - baseline[name] for name in baseline if is_general.get(name)}
