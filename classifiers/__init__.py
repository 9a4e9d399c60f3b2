"""The shipped BERT scorer and what it takes to train one; importing this loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["DEFAULT", "ClassifierError"]

DEFAULT: Final[Path] = Path(__file__).parent / "weights" / "default"


class ClassifierError(Exception):
    """A checkpoint, its tokenizer or the training data is not usable; the message says why."""
