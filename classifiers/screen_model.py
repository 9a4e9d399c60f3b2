"""A screen: what estimates a checkpoint's scores of a window from its token ids alone.

It lies in the checkpoint's folder as screen.safetensors (weights, fp16) and screen.json (bounds by
label, the checkpoint that it was made for, what it loses). `classifiers.screen` makes it. Shape
suffixes: W windows, L labels; others as in `classifiers.screen_kernel`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from classifiers import ClassifierError, checkpoint
from classifiers.checkpoint import SCREEN_FILES

__all__ = ["ACTIVATIONS", "VERSION", "Screen", "Weights", "load_screen", "save_screen"]

F32 = npt.NDArray[np.float32]

# What a screen's files hold, and how its arithmetic goes; another version is refused.
VERSION: Final = 2
# What makes probabilities of logits. Values of a regression have no range that all models share.
ACTIVATIONS: Final = ("sigmoid", "softmax")
_NAMES: Final = (
    "table_VD",
    "log_weight_VH",
    "value_VHC",
    "first_FK",
    "first_K",
    "second_KL",
    "skip_FL",
    "second_L",
)


@dataclass(frozen=True)
class Weights:
    """A screen's weights, float32; the shapes are those of `screen_kernel.estimate`.

    Of the queries' weights the natural logarithms, which fp16 holds over their whole range.
    """

    table_VD: F32
    log_weight_VH: F32
    value_VHC: F32
    first_FK: F32
    first_K: F32
    second_KL: F32
    skip_FL: F32
    second_L: F32

    def __post_init__(self) -> None:
        width, hidden, labels = self.table_VD.shape[1], len(self.first_K), len(self.second_L)
        _, queries, channels = self.value_VHC.shape
        features = 2 * width + 2 + queries * (channels + 1)
        assert self.log_weight_VH.shape == (len(self.table_VD), queries)
        assert self.first_FK.shape == (features, hidden)
        assert self.second_KL.shape == (hidden, labels)
        assert self.skip_FL.shape == (features, labels)

    @cached_property
    def summed_VS(self) -> F32:  # noqa: N802
        """What the kernel sums up of each entry: channels, weights, values times weights."""
        weight_VH = np.exp(self.log_weight_VH.astype(np.float64))
        weighted = (weight_VH[:, :, None] * self.value_VHC).reshape(len(weight_VH), -1)
        return _f32(np.concatenate([self.table_VD, weight_VH, weighted], axis=1))

    def arrays(self) -> dict[str, F32]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in _NAMES}

    def rounded(self) -> Weights:
        """Return the weights as they are after they were saved: those of fp16."""
        return Weights(
            **{name: each.astype(np.float16).astype(np.float32) for name, each in
               self.arrays().items()}
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Screen:
    """Weights with the bounds of each label; a window is clear where no estimate lies between.

    `low_L` and `high_L` are float32 probabilities. `told` is what screen.json holds.
    """

    weights: Weights
    activation: str
    low_L: F32
    high_L: F32
    told: Mapping[str, Any]

    def estimates(
        self, ids: npt.NDArray[np.uint32], starts: np.ndarray, lengths: np.ndarray
    ) -> F32:
        """Return what the checkpoint should say of each window, as probabilities (W, L).

        Window w is ids[starts[w] : starts[w] + lengths[w]]. Each row is a function of its window
        alone. Raises ClassifierError for an id that the checkpoint's tokenizer has not.
        """
        # Imported here: Numba takes 0.3 s, and who keeps its cache elsewhere must say so before.
        from classifiers.screen_kernel import estimate

        weights = self.weights
        if len(ids) and int(ids.max()) >= len(weights.table_VD):
            raise ClassifierError(
                f"id {int(ids.max())}: the screen knows {len(weights.table_VD)}; encode by the "
                "checkpoint's own tokenizer"
            )
        logits_WL = np.empty((len(starts), len(weights.second_L)), np.float32)
        tokens = np.ascontiguousarray(ids, np.uint32).view()
        tokens.flags.writeable = False  # else the kernel is compiled for either kind of array
        places = (starts.astype(np.int64), lengths.astype(np.int64))
        estimate(
            tokens, *places, weights.summed_VS, weights.table_VD.shape[1],
            weights.log_weight_VH.shape[1], weights.first_FK, weights.first_K, weights.second_KL,
            weights.skip_FL, weights.second_L, logits_WL,
        )  # fmt: skip
        return probabilities(logits_WL, self.activation)

    def clear(self, scores_WL: F32) -> npt.NDArray[np.bool_]:
        """Say of each window whether all of its estimates lie outside their bounds (W,)."""
        found: npt.NDArray[np.bool_] = np.all(
            (scores_WL < self.low_L) | (scores_WL > self.high_L), axis=1
        )
        return found

    def stated(self) -> tuple[int, int]:
        """Return how many flags the screen lost of how many, over the thresholds aimed at.

        Those of the dev labels where there were any, else of the texts kept for it; a document
        counts once for each label and threshold at which the checkpoint alone flags it.
        """
        figures = self.told["figures"]
        heads = (figures.get("dev") or figures["test"])["heads"]
        rows = [row for head in heads.values() for row in head if row["aimed"]]
        return sum(row["lost"] for row in rows), sum(row["flagged"] for row in rows)


def probabilities(logits_WL: F32, activation: str) -> F32:
    """Return the sigmoid or the softmax of logits, computed in double precision.

    Values of a row depend on that row alone, to the last bit.
    """
    wide_WL = np.clip(logits_WL.astype(np.float64), -80, 80)
    if activation == "sigmoid":
        return _f32(1 / (1 + np.exp(-wide_WL)))
    power_WL = np.exp(wide_WL - wide_WL.max(axis=1, keepdims=True))
    return _f32(power_WL / power_WL.sum(axis=1, keepdims=True))


def _f32(values: np.ndarray) -> F32:
    return values.astype(np.float32)


def save_screen(folder: Path, weights: Weights, told: Mapping[str, Any]) -> None:
    """Write a screen's two files into a checkpoint's folder, each beside and renamed."""
    values, description = (folder / name for name in SCREEN_FILES)
    beside = values.with_suffix(".part")
    save_file({k: v.astype(np.float16) for k, v in weights.arrays().items()}, beside)
    beside.chmod(0o644)  # safetensors leaves it to its owner alone
    beside.replace(values)
    beside = description.with_suffix(".part")
    beside.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(description)


def _remade(folder: Path) -> str:
    return (
        f"make a new one: python -m classifiers.screen --model {folder} --texts FILE..., "
        "or score without (cascade: false)"
    )


def load_screen(folder: Path) -> Screen | None:
    """Return the screen of a checkpoint's folder, or None where it has none.

    Raises ClassifierError, which says how to make a new one, for a screen of another checkpoint or
    another version, and for files that cannot be read.
    """
    values, description = (folder / name for name in SCREEN_FILES)
    if not values.is_file() and not description.is_file():
        return None
    try:
        told = json.loads(description.read_text("utf-8"))
        if told["version"] != VERSION:
            raise ClassifierError(
                f"{description}: is of version {told['version']}, read is {VERSION}; "
                f"{_remade(folder)}"
            )
        if told["weights"] != checkpoint.fingerprint(folder):
            raise ClassifierError(
                f"{description}: was made for other weights or another tokenizer than those of "
                f"the folder; {_remade(folder)}"
            )
        arrays = load_file(values)
        weights = Weights(**{name: _f32(np.asarray(arrays[name])) for name in _NAMES})
        names = checkpoint.labels(folder)
        low_L, high_L = (
            np.array([told["bounds"][name][side] for name in names], np.float32)
            for side in ("low", "high")
        )
        screen = Screen(weights, told["activation"], low_L, high_L, told)
        screen.stated()  # so that it is not found to be missing when all is scored
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ClassifierError(
            f"{folder}: its screen cannot be read ({error}); {_remade(folder)}"
        ) from error
    return screen
