"""One configuration of training for token sets of several recipes: same sources, same tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from skypile.errors import UsageError
from skypile.pretrain.plan import Plan
from skypile.pretrain.run_config import RunConfig
from skypile.pretrain.token_set import TokenSet

__all__ = ["fitted", "passes_of", "with_tokens"]


def with_tokens(config: RunConfig, tokens: int | None) -> RunConfig:
    """Return the configuration with so many tokens at most, stages and warm-ups in proportion.

    A stage has whole batches, one at least.
    """
    if tokens is None:
        return config
    whole = sum(stage.tokens for stage in config.stages)
    stages = []
    for stage in config.stages:
        warmup = stage.lr.warmup_tokens * tokens // whole
        batches = max(stage.tokens * tokens // whole // config.batch_tokens, 1)
        update = {"tokens": batches * config.batch_tokens,
                  "lr": stage.lr.model_copy(update={"warmup_tokens": warmup})}  # fmt: skip
        stages.append(stage.model_copy(update=update))
    return config.model_copy(update={"stages": tuple(stages)})


def fitted(
    config: RunConfig, sets: Mapping[str, TokenSet]
) -> tuple[RunConfig, dict[str, list[str]]]:
    """Return the configuration with sources that every recipe has a row of, and what it leaves out.

    That is by source the recipes that lack it. Raises UsageError where nothing is left of a stage.
    """
    lacking: dict[str, list[str]] = {}
    data: dict[str, Any] = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    for stage in data["stages"]:
        for key in list(stage["mixture"]):
            without = [name for name, one in sets.items() if not _feeds(one, key, config.seq_len)]
            if without:
                del stage["mixture"][key]
                lacking[key] = without
        if not stage["mixture"]:
            told = "; ".join(f"{', '.join(them)} no {key}" for key, them in lacking.items())
            raise UsageError(
                f"stage {stage['name']}: no source of its mixture is there under every recipe: "
                f"{told}, not a row of {config.seq_len} tokens; give more --input, or a --config "
                "with sources that all recipes keep"
            )
    try:
        return RunConfig.model_validate(data), lacking
    except ValidationError as error:
        raise UsageError(
            f"without {', '.join(lacking)} the config does not hold: {error.errors()[0]['msg']}"
        ) from error


def _feeds(tokens: TokenSet, key: str, row_tokens: int) -> bool:
    """Tell whether a token set has a row of a source's tokens."""
    domain, _, subset = key.partition("/")
    meant = [
        stream for stream in tokens.train
        if domain in ("*", stream.domain) and subset in ("", stream.subset)
    ]  # fmt: skip
    return any(stream.file.token_count > row_tokens for stream in meant)


def passes_of(config: RunConfig, sets: Mapping[str, TokenSet]) -> dict[str, dict[str, float]]:
    """Return by recipe how often training goes through each stream.

    Raises UsageError where one has to be repeated more often than the configuration allows.
    """
    most = config.max_repeats
    # The plan's own sentence knows of no recipes.
    free = config.model_copy(update={"max_repeats": float("inf")})
    found = {name: Plan(free, tokens).passes() for name, tokens in sets.items()}
    whole = sum(stage.tokens for stage in config.stages)
    worst, recipe, stream = max(
        (passes, recipe, stream)
        for recipe, each in found.items()
        for stream, passes in each.items()
    )
    if worst > most + 1e-9:
        enough = int(whole * most / worst) // config.batch_tokens * config.batch_tokens
        raise UsageError(
            f"recipe {recipe} keeps too little of {stream}: training on {whole:,} tokens would go "
            f"through it {worst:.1f} times, and max_repeats is {most:g}; give more --input, "
            f"--tokens {enough} or less, or a --config with a larger "
            "max_repeats"
        )
    return found
