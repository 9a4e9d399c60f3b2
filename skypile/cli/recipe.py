"""``skypile recipe``: list, show and check recipes."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

import skypile
from skypile.cli.terminal import show, table
from skypile.errors import UsageError
from skypile.recipe import Recipe, load_recipe, recipe_names

__all__ = ["add_arguments", "run"]

ACTIONS = ("list", "show", "check")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``skypile recipe``."""
    add = parser.add_argument
    add("action", metavar="list|show|check", help="what to do")
    add("name", nargs="?", metavar="NAME|FILE", help="the recipe to show or check")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Do what was asked; RecipeError where a recipe does not hold."""
    assert not extra
    if args.action not in ACTIONS:
        near = get_close_matches(args.action, ACTIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(ACTIONS)}"
        raise UsageError(f"recipe has no action {args.action!r}; {hint}")
    if args.action == "list":
        if args.name is not None:
            raise UsageError("recipe list takes no name")
        show(*table([(name, load_recipe(name).description) for name in recipe_names()]))
        return 0
    if args.name is None:
        raise UsageError(f"recipe {args.action} needs a NAME, or a FILE that ends in .yaml")
    recipe = load_recipe(args.name)
    if args.action == "check":
        stages = sum(len(step.stages) for step in (*recipe.steps, *recipe.score))
        rules = len(recipe.rules)
        show(f"{args.name}: holds together: {stages} stages, {rules} rules", recipe.fingerprint())
    else:
        show(_text(args.name).rstrip(), "", *_rules(recipe))
    return 0


def _text(name: str) -> str:
    if name in recipe_names():
        return (resources.files(skypile) / "recipes" / f"{name}.yaml").read_text("utf-8")
    return Path(name).read_text("utf-8")


def _rules(recipe: Recipe) -> list[str]:
    rows = [("reason", "rule", "source")]
    rows += [(rule.reason, rule.describe(), rule.source) for rule in recipe.rules]
    return table(rows)
