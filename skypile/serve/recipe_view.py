"""What of a recipe the service applies, and what needs the whole corpus."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from skypile.recipe import Recipe, versions

__all__ = ["RecipeTold", "recipe_told"]


class Part(BaseModel):
    """A part of the recipe that is not applied, and why."""

    part: str
    why: str
    settings: dict[str, Any] | None = None


class RecipeTold(BaseModel):
    """The recipe that the service judges by."""

    name: str
    description: str
    fingerprint: str = Field(description="SHA-256 of all that decides, models and versions too")
    applied: dict[str, Any] = Field(description="steps and score: stages and rules, in order")
    not_applied: list[Part]
    columns: dict[str, str] = Field(description="what answers can hold, with Arrow's types")
    versions: dict[str, str]


def recipe_told(recipe: Recipe, names: tuple[str, ...], *, models: bool) -> RecipeTold:
    """Return what `/v1/recipe` answers; `names` are the columns that answers can hold."""
    definition = recipe.definition()
    types = recipe.columns((*recipe.steps, *recipe.score))
    return RecipeTold(
        name=recipe.name,
        description=recipe.description,
        fingerprint=recipe.fingerprint(),
        applied={"steps": definition["steps"], "score": definition["score"]},
        not_applied=_left_out(definition, models=models),
        columns={name: str(types[name]) for name in names},
        versions=versions(),
    )


def _left_out(definition: dict[str, Any], *, models: bool) -> list[Part]:
    found = []
    if not models:
        found.append(Part(part="score", why="--no-models: the recipe's score section was left out"))
    if definition["dedup"] is not None:
        found.append(
            Part(
                part="dedup",
                settings=definition["dedup"],
                why="a duplicate is one of another document of the corpus, and a request has only "
                "its own: run skypile dedup, or skypile build",
            )
        )
    if definition["mix"] is not None:
        found.append(
            Part(
                part="mix",
                settings=definition["mix"],
                why="shares and subsets are of all documents that are kept: run skypile build",
            )
        )
    return found
