"""The shipped BERT scorer and what it takes to train one; importing this loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from classifiers.model import Scorer

__all__ = ["DEFAULT", "ClassifierError", "load"]

DEFAULT: Final[Path] = Path(__file__).parent / "weights" / "default"


class ClassifierError(Exception):
    """A checkpoint, its tokenizer or the training data is not usable; the message says why."""


def load(
    name_or_path: str | Path,
    *,
    labels: Mapping[str, str] | None = None,
    threads: int | None = None,
    device: str | None = None,
    pooling: Mapping[str, str] | None = None,
    max_windows: int = 8,
    cascade: bool = True,
) -> Scorer:
    """Return a Scorer for "default", a folder or a Hub id: `classifiers.model.load` says the rest.

    `labels` renames outputs, and `pooling` says by either name how a document's windows count. With
    `cascade` the checkpoint's screen, where it has one, decides the clear windows. The first call
    imports torch and transformers, some seconds.
    """
    from classifiers import model

    return model.load(
        name_or_path, labels=labels, threads=threads, device=device, pooling=pooling,
        max_windows=max_windows, cascade=cascade,
    )  # fmt: skip
