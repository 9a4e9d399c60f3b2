"""Fitting a screen's weights to a checkpoint's own logits.

Shape suffixes: W windows, B windows of a batch, N tokens of a batch, V entries of the vocabulary,
E channels of the checkpoint's vectors, D channels of the screen's, H queries, C channels of each, F
features, K hidden, L labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.nn.functional import embedding_bag, mse_loss

from classifiers.screen_kernel import LENGTH_FEATURES, SCALES
from classifiers.screen_model import Weights

__all__ = ["Settings", "fitted_weights", "targets"]

# A logit beyond is a probability that rounds to 0 or 1 in three digits; its size says no more.
_LOGIT_LIMIT: Final = 8.0
# A query weighs a token by up to 3,000 and down to a 3,000th of one that it knows nothing of.
_WEIGHT_LIMIT: Final = 8.0
# The checkpoint's vectors come by their principal components where they are wider.
_COMPONENTS: Final = 128


@dataclass(frozen=True, slots=True)
class Settings:
    """How a screen is fitted."""

    seed: int
    width: int = 32
    queries: int = 4
    channels: int = 16
    hidden: int = 128
    epochs: int = 6
    batch: int = 256
    rate: float = 3e-3
    dropout: float = 0.1


def targets(logits_WL: np.ndarray, activation: str) -> np.ndarray:
    """Return what is fitted: logits, of a softmax the logarithms of its probabilities."""
    wide_WL = logits_WL.astype(np.float64)
    if activation == "softmax":
        wide_WL = wide_WL - wide_WL.max(axis=1, keepdims=True)
        wide_WL -= np.log(np.exp(wide_WL).sum(axis=1, keepdims=True))
    found: np.ndarray = np.clip(wide_WL, -_LOGIT_LIMIT, _LOGIT_LIMIT).astype(np.float32)
    return found


def _components(vectors_VE: np.ndarray) -> torch.Tensor:
    """Return the vectors centred, at most `_COMPONENTS` wide, of unit deviation on average."""
    centred = vectors_VE.astype(np.float64) - vectors_VE.mean(axis=0, dtype=np.float64)
    if centred.shape[1] > _COMPONENTS:
        _, directions = np.linalg.eigh(centred.T @ centred)
        centred = centred @ directions[:, -_COMPONENTS:]
    return torch.from_numpy((centred / centred.std(axis=0).mean()).astype(np.float32))


class _Net(nn.Module):
    """The screen while it is fitted; its tables are projections of the vectors, and corrections.

    The checkpoint's own vectors know which tokens it takes for alike. Fitted from nothing, a table
    needs far more windows. The queries are an attention whose scores depend on the token alone:
    they find the few words by which the checkpoint tells a window's kind, and which a mean over
    500 tokens hides.
    """

    def __init__(self, vectors_VE: np.ndarray, label_count: int, settings: Settings) -> None:
        super().__init__()
        self.components_VE = _components(vectors_VE)
        entries, size = self.components_VE.shape
        self.queries, self.channels = settings.queries, settings.channels
        self.sizes = [settings.width, self.queries, self.queries * self.channels]
        self.projection = nn.Linear(size, sum(self.sizes), bias=False)
        nn.init.normal_(self.projection.weight, 0, 0.3 / size**0.5)
        self.correction = nn.Parameter(torch.zeros(entries, sum(self.sizes)))
        features = 2 * settings.width + LENGTH_FEATURES + self.queries * (self.channels + 1)
        self.first = nn.Linear(features, settings.hidden)
        self.second = nn.Linear(settings.hidden, label_count)
        self.skip = nn.Linear(features, label_count, bias=False)
        self.dropout = nn.Dropout(settings.dropout)

    def tables(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the tables of the vocabulary: (V, D), log weights (V, H), values (V, H x C)."""
        every = self.projection(self.components_VE) + self.correction
        table_VD, weight_VH, values = every.split(self.sizes, dim=1)
        # Times three, as weights have to move farther than values do.
        return table_VD, (3 * weight_VH).clamp(-_WEIGHT_LIMIT, _WEIGHT_LIMIT), values

    def forward(
        self, ids_N: torch.Tensor, starts_B: torch.Tensor, lengths_B: torch.Tensor
    ) -> torch.Tensor:
        """Return logits (B, L), as `screen_kernel.estimate` computes them."""
        table_VD, log_weight_VH, values = self.tables()
        weight_VH = log_weight_VH.exp()
        mean_BD = embedding_bag(ids_N, table_VD, starts_B, mode="mean")
        largest_BD = embedding_bag(ids_N, table_VD, starts_B, mode="max")
        length_B = lengths_B.float()
        length_BF = torch.stack([torch.log1p(length_B) / 4, 8 / (length_B + 8)], dim=1)
        shape = (-1, self.queries, self.channels)
        weighted = (values.view(shape) * weight_VH[:, :, None]).flatten(1)
        sum_BH = embedding_bag(ids_N, weight_VH, starts_B, mode="sum")
        found = embedding_bag(ids_N, weighted, starts_B, mode="sum").view(shape)
        found = (found / sum_BH.clamp(min=1e-6)[:, :, None]).flatten(1)
        feature_BF = torch.cat(
            [mean_BD * SCALES[0], largest_BD, length_BF, found * SCALES[1], sum_BH.log1p() / 4],
            dim=1,
        )
        feature_BF = self.dropout(feature_BF)
        logits: torch.Tensor = self.second(torch.relu(self.first(feature_BF)))
        skipped: torch.Tensor = self.skip(feature_BF)
        return logits + skipped

    def weights(self) -> Weights:
        """Return the weights as the kernel takes them, rounded to fp16."""
        with torch.no_grad():
            table_VD, log_weight_VH, values = self.tables()
            arrays = {
                "table_VD": table_VD, "log_weight_VH": log_weight_VH,
                "value_VHC": values.reshape(-1, self.queries, self.channels),
                "first_FK": self.first.weight.T, "first_K": self.first.bias,
                "second_KL": self.second.weight.T, "second_L": self.second.bias,
                "skip_FL": self.skip.weight.T,
            }  # fmt: skip
        return Weights(**{k: v.detach().contiguous().numpy() for k, v in arrays.items()}).rounded()


def _batch(
    ids: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the windows' tokens end to end, where each begins there, and their lengths."""
    begins = np.cumsum(lengths) - lengths
    places = np.repeat(starts - begins, lengths) + np.arange(int(lengths.sum()))
    return (
        torch.from_numpy(ids[places].astype(np.int64)),
        torch.from_numpy(begins),
        torch.from_numpy(lengths),
    )


def fitted_weights(
    vectors_VE: np.ndarray,
    ids: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    targets_WL: np.ndarray,
    settings: Settings,
) -> Weights:
    """Return weights whose logits are near `targets_WL` (float32), rounded to fp16.

    Windows are ids[starts[w] : starts[w] + lengths[w]]. The squared error, for it is the few large
    errors that push bounds apart; Adam, a rate that falls linearly to zero; a function of the
    arguments on one type of machine.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = _Net(vectors_VE, targets_WL.shape[1], settings)
        optimizer = torch.optim.Adam(net.parameters(), lr=settings.rate)
        rng = np.random.default_rng((settings.seed, 2))
        size = min(settings.batch, len(starts))
        each = len(starts) // size
        for step in range(settings.epochs * each):
            if step % each == 0:
                order = rng.permutation(len(starts))
            at = step % each * size
            rows = np.sort(order[at : at + size])
            _step(net, optimizer, _batch(ids, starts[rows], lengths[rows]), targets_WL[rows])
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * (1 - (step + 1) / (settings.epochs * each))
        return net.weights()


def _step(net: _Net, optimizer: Any, batch: tuple[torch.Tensor, ...], wanted: np.ndarray) -> None:
    loss = mse_loss(net(*batch), torch.from_numpy(wanted)) / 2
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
