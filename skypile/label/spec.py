"""The file that says who votes on what, and how far each vote is to be trusted."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skypile.errors import RecipeError
from skypile.policy import Rule
from skypile.recipe import Recipe, Step, first_problem

__all__ = ["Head", "LabelSpec", "Vote", "load_spec"]

NAME = r"^[a-z][a-z0-9_]*$"
# What stands in a labelled row beside the heads.
FIELDS = ("id", "record", "text", "url", "source", "votes", "judged", "asked")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Vote(_Frozen):
    """A document whose `column` lies within the bound is taken for `label`.

    Bounds are those of a recipe's rules: `min`, `max` or `in`, and `domain`; a null is in none. Of
    those that the vote is cast on, the share of `confidence` is held to be what it says. Votes of
    one `group` say the same thing twice (a term and its plural, two lists with common entries): the
    most confident one counts alone. `source` tells where the bound is from.
    """

    name: str = Field(pattern=NAME)
    column: str
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] | None = Field(default=None, alias="in")
    domain: tuple[str, ...] | None = None
    label: bool
    confidence: float = Field(gt=0.5, lt=1)
    group: str | None = None
    source: str = ""

    @cached_property
    def rule(self) -> Rule:
        """The bound as a rule, which what is voted for passes."""
        bounds = {"min": self.min, "max": self.max, "in": self.values, "domain": self.domain}
        return Rule.model_validate(
            {"reason": self.name, "column": self.column, "source": self.source, **bounds}
        )

    @model_validator(mode="after")
    def _is_a_bound(self) -> Vote:
        assert self.rule
        return self


class Head(_Frozen):
    """A question that is answered by yes or no, and its votes.

    `prior` is the share of documents that are held to be so before any vote.
    """

    votes: tuple[Vote, ...] = Field(min_length=1)
    prior: float = Field(default=0.5, gt=0, lt=1)

    @model_validator(mode="after")
    def _named_once(self) -> Head:
        names = [vote.name for vote in self.votes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two votes are called {twice[0]!r}")
        return self


class LabelSpec(_Frozen):
    """Stages as in a recipe, and the heads whose votes read their columns."""

    name: str
    stages: tuple[Any, ...]
    heads: dict[str, Head] = Field(min_length=1)

    @model_validator(mode="after")
    def _heads_are_columns(self) -> LabelSpec:
        for name in self.heads:
            if not re.match(NAME, name) or name in FIELDS:
                raise ValueError(
                    f"a head cannot be called {name!r}: it is a field of the labelled rows, in "
                    "lower case letters, digits and _"
                )
        return self

    @cached_property
    def recipe(self) -> Recipe:
        """The stages as a recipe; RecipeError where a vote reads what none of them writes."""
        rules = {vote.rule for head in self.heads.values() for vote in head.votes}
        ordered = sorted(rules, key=lambda rule: (rule.reason, rule.column))
        step = Step(stages=self.stages, rules=tuple(ordered))
        recipe = Recipe(name=self.name, steps=(step,), dedup=None, mix=None)
        for stage in recipe.steps[0].stages:
            if stage.rewrites:
                raise RecipeError(
                    f"stage {stage.name!r} rewrites the text; labels are of texts as they are: "
                    "run skypile filter with it first"
                )
        return recipe


def load_spec(path: str) -> LabelSpec:
    """Return what the YAML file at `path` says; RecipeError, naming the place, where it cannot."""
    try:
        data = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise RecipeError(f"{path}: is a mapping with stages and heads")
    try:
        spec = LabelSpec(**{"name": Path(path).stem, **data})
        assert spec.recipe
    except ValidationError as error:
        raise RecipeError(f"{path}: {first_problem(error)}") from error
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    return spec
