"""What the ledger says of models that have a screen: how many windows they scored themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.compute as pc

from classifiers import ClassifierError
from skypile.errors import RecipeError
from skypile.recipe import Step

if TYPE_CHECKING:
    from skypile.stages.classify import Classify

__all__ = ["cascade_notes", "cascades", "window_counts"]


def cascades(steps: Iterable[Step]) -> tuple[Classify, ...]:
    """Return those stages of `steps` whose models leave clear windows to a screen."""
    stages = [stage for step in steps for stage in step.stages if stage.name == "classify"]
    found = cast("list[Classify]", stages)
    return tuple(stage for stage in found if stage.screen is not None)


def window_counts(batch: pa.RecordBatch | pa.Table, stages: Iterable[Classify]) -> Counter[str]:
    """Return the sums of the stages' columns of windows, by column."""
    found: Counter[str] = Counter()
    for stage in stages:
        for name in (stage.windows_column, stage.scored_column):
            found[name] = pc.sum(batch.column(name)).as_py() or 0
    return found


def cascade_notes(stages: Iterable[Classify], counts: Mapping[str, int]) -> list[str]:
    """Return a line for the ledger on each stage that scored any window."""
    from classifiers.screen_model import load_screen

    notes = []
    for stage in stages:
        windows = counts.get(stage.windows_column, 0)
        scored = counts.get(stage.scored_column, 0)
        try:
            screen = load_screen(stage.folder)
        except ClassifierError as error:
            raise RecipeError(str(error)) from error
        if not windows or screen is None:
            continue
        lost, flagged = screen.stated()
        notes.append(
            f"classify: {stage.model_name} scored {scored:,} of {windows:,} windows "
            f"({scored / windows:.1%}), its screen the others; by the figures in screen.json that "
            f"loses {lost:,} of {flagged:,} flags ({lost / max(flagged, 1):.2%}) at the thresholds "
            "that it was made for"
        )
    return notes
