"""``skypile recipe``: list, show, check and compare recipes."""

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

ACTIONS = ("list", "show", "check", "diff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``skypile recipe``."""
    add = parser.add_argument
    add("action", metavar="list|show|check|diff", help="what to do")
    add("name", nargs="?", metavar="NAME|FILE", help="the recipe to show, check or compare")
    add("other", nargs="?", metavar="NAME|FILE", help="the recipe to compare it with")


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
    if (args.action == "diff") != (args.other is not None):
        takes = "two recipes" if args.action == "diff" else "one recipe"
        raise UsageError(f"recipe {args.action} takes {takes}: NAME, or FILE that ends in .yaml")
    recipe = load_recipe(args.name)
    if args.action == "diff":
        lines = _difference(recipe, load_recipe(args.other))
        show(*lines or ["the two decide alike"])
        return 0
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


def _difference(old: Recipe, new: Recipe) -> list[str]:
    """Return what of `old` is gone (-) and what of `new` was not there (+), section by section."""
    lines: list[str] = []
    for title, before, after in (
        ("stages", _stages(old), _stages(new)),
        ("rules", _decisions(old), _decisions(new)),
        ("dedup", _section(old, "dedup"), _section(new, "dedup")),
        ("mix", _section(old, "mix"), _section(new, "mix")),
    ):
        gone = [f"- {line}" for line in before if line not in after]
        added = [f"+ {line}" for line in after if line not in before]
        if not gone and not added and before != after:
            added = ["  the same ones in another order"]
        if gone or added:
            lines += [*([""] if lines else []), title, *gone, *added]
    return lines


def _stages(recipe: Recipe) -> list[str]:
    found = []
    for section in ("steps", "score"):
        for step in getattr(recipe, section):
            for stage in step.stages:
                options = stage.model_dump(mode="json", exclude_defaults=True, by_alias=True)
                told = "".join(f", {name}: {value}" for name, value in options.items())
                found.append(f"{section}: {stage.name}{told}")
    return found


def _decisions(recipe: Recipe) -> list[str]:
    return [f"{rule.reason}: {rule.describe()}" for rule in recipe.rules]


def _section(recipe: Recipe, name: str) -> list[str]:
    value = getattr(recipe, name)
    return [f"{name}: null"] if value is None else _leaves(value.model_dump(mode="json"), name)


def _leaves(value: object, name: str) -> list[str]:
    if isinstance(value, dict):
        return [line for key, one in value.items() for line in _leaves(one, f"{name}.{key}")]
    return [f"{name}: {value}"]
