"""The model handler of phase score: a recipe's score section behind Beam's RunInference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.ml.inference.base import ModelHandler

from skypile.curate import run_steps
from skypile.phases.score import PartBatch
from skypile.recipe import Step

__all__ = ["PartModel", "PartModelHandler"]


class PartModel:
    """The loaded models of a score section.

    A plain object with one method: what Beam hands out may be a proxy to another process, through
    which a torch module cannot be called.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        for step in self.steps:
            for stage in step.stages:
                stage.load()

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return `batch` with the columns and decisions of the score section."""
        return run_steps(batch, self.steps)


class PartModelHandler(ModelHandler[PartBatch, PartBatch, PartModel]):
    """Scores one part at a time.

    Batches for the model are cut inside, from the part alone, so that scores do not depend on how
    Beam bundles parts. Documents at fault become error rows inside as well: Beam's own dead letter
    is a whole element, here a part.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(min_batch_size=1, max_batch_size=1)
        self.steps = tuple(steps)

    def load_model(self) -> PartModel:
        """Load tokenizer and weights once per process, on a GPU where there is one."""
        return PartModel(self.steps)

    def run_inference(
        self,
        batch: Sequence[PartBatch],
        model: PartModel,
        inference_args: Mapping[str, Any] | None = None,  # noqa: ARG002 - part of Beam's interface
    ) -> Iterable[PartBatch]:
        """Return the parts with their scores, in order."""
        return [PartBatch(one.task, model.score(one.batch)) for one in batch]

    def get_num_bytes(self, batch: Sequence[PartBatch]) -> int:
        """Return the bytes of text and columns; Beam's default would pickle them to know."""
        return sum(one.batch.nbytes for one in batch)

    def get_metrics_namespace(self) -> str:
        """Return the namespace of Beam's inference metrics."""
        return "skypile.score"
