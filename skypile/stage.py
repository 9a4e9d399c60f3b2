"""Stage: a frozen, typed function that fills in columns.

A stage is a frozen pydantic model: the same class is the YAML schema of its options, their
documentation, the object that Beam ships to workers, and the callable.
"""

from __future__ import annotations

import importlib
import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from skypile.errors import RecipeError

__all__ = ["STAGES", "Stage", "stage_class"]

# Name in recipes -> "module:class". Modules are imported when a recipe names the stage, so that
# a recipe without models never imports what models need.
STAGES: dict[str, str] = {
    "language": "skypile.stages.language:Language",
    "counts": "skypile.stages.counts:Counts",
    "repetition": "skypile.stages.repetition:Repetition",
    "code": "skypile.stages.code:Code",
    "code_lang": "skypile.stages.code_lang:CodeLang",
    "tokens": "skypile.stages.tokens:Tokens",
    "classify": "skypile.stages.classify:Classify",
    "decontaminate": "skypile.stages.decontaminate:Decontaminate",
    "pii": "skypile.stages.pii:Pii",
    "c4_lines": "skypile.stages.lines:C4Lines",
    "refinedweb_lines": "skypile.stages.lines:RefinedwebLines",
    "boilerplate_lines": "skypile.stages.lines:BoilerplateLines",
    "secrets": "skypile.stages.secrets:Secrets",
    "license": "skypile.stages.license:License",
    "book": "skypile.stages.book:Book",
    "normalize": "skypile.stages.normalize:Normalize",
    "chinese": "skypile.stages.chinese:Chinese",
    "lexicon": "skypile.stages.lexicon:Lexicon",
    "url_lists": "skypile.stages.url_lists:UrlLists",
    "repeated_lines": "skypile.stages.repeated_lines:RepeatedLines",
}


class Stage(BaseModel, ABC):
    """One function from columns to new columns of the same length.

    A subclass declares `reads` (columns that must be there), `writes` (new columns with their
    Arrow types) and `version` (raised whenever the same input gives other values). It cannot
    drop, add or reorder rows, since it returns only its own columns. It must be a pure function
    of each row: splitting a batch changes nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads: ClassVar[tuple[str, ...]] = ("text",)
    version: ClassVar[int] = 1
    # Columns of `writes` that only later stages of the same phase read; never written to a file.
    transient: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """The stage's name in recipes, errors and ledgers: its class name in snake case."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    @abstractmethod
    def writes(self) -> dict[str, pa.DataType]:
        """The columns that the stage fills in, with their types."""

    @property
    def rewrites(self) -> bool:
        """Whether the stage rewrites the text: it then lists "text" in `writes`.

        Scores computed from the old text are stale behind it and must be recomputed before a rule
        or a stage may read them.
        """
        return "text" in self.writes

    @abstractmethod
    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns named in `writes`, each as long as `batch`.

        `batch` holds open documents only: `text` is never null there, but may be empty.
        """

    def load(self) -> None:
        """Load what the stage needs (weights, tokenizers) into this process, if anything."""

    def fingerprint_data(self) -> dict[str, Any]:
        """Return what the stage's values depend on: options, version, hashes of its models."""
        return {"stage": self.name, "version": self.version, **self.model_dump(mode="json")}


def stage_class(name: str) -> type[Stage]:
    """Return the class of the stage that recipes call `name`; RecipeError if there is none."""
    if name not in STAGES:
        from difflib import get_close_matches

        near = get_close_matches(name, STAGES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known stages: {', '.join(STAGES)}"
        raise RecipeError(f"there is no stage {name!r}{hint}")
    module, _, attribute = STAGES[name].partition(":")
    found: type[Stage] = getattr(importlib.import_module(module), attribute)
    assert issubclass(found, Stage)
    return found
