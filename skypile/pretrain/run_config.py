"""What a run of training is: model, batches, optimizer, and stages with their mixtures and rates.

A run is a list of stages. Each says for how many tokens it lasts, which sources its rows come from
and how the learning rate goes; the next one goes on where it ended. The bundled configurations
follow Skywork-13B (arXiv 2310.19341, sections 3 and 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

import skypile
from skypile.errors import UsageError
from skypile.pretrain.config import SHAPES, ExecutionConfig, ModelConfig
from skypile.pretrain.mixture import Share, shares_of

__all__ = [
    "Guard",
    "Ramp",
    "Rate",
    "RunConfig",
    "StageConfig",
    "config_names",
    "load_config",
    "parse_config",
]

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# Of Muon: Jordan et al. 2024.
MOMENTUM = 0.95
# Where two stages meet, their rates may differ by what rounding in a file amounts to.
_RATE_SLACK = 1e-3


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Ramp(_Frozen):
    """A source's share of rows over a stage, from 0 to 1: constant, or rising or falling.

    `curve`: linear, or quadratic, which starts slowly; 0.10 to 0.40 then averages 0.20, as
    Skywork's second stage does.
    """

    share: float | None = Field(default=None, gt=0, le=1)
    first: float | None = Field(default=None, alias="from", ge=0, le=1)
    last: float | None = Field(default=None, alias="to", ge=0, le=1)
    curve: Literal["linear", "quadratic"] = "linear"

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        is_ramp = self.first is not None and self.last is not None
        if (self.share is not None) == is_ramp or (self.first is None) != (self.last is None):
            raise ValueError("give share, or from and to")
        return self

    def as_share(self) -> Share:
        """Return it as a polynomial of the part of the stage that is over."""
        if self.first is None or self.last is None:
            assert self.share is not None
            return Share(self.share)
        rise = self.last - self.first
        return Share(self.first, rise) if self.curve == "linear" else Share(self.first, 0.0, rise)


class Rate(_Frozen):
    """A learning rate over a stage: constant `from`, or half a cosine down to `to`.

    It is reached linearly from nought over `warmup_tokens`.
    """

    schedule: Literal["cosine", "constant"]
    first: float = Field(alias="from", gt=0)
    last: float | None = Field(default=None, alias="to", gt=0)
    warmup_tokens: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_its_ends(self) -> Self:
        if (self.schedule == "cosine") != (self.last is not None):
            raise ValueError("a cosine has from and to, a constant rate has from alone")
        return self

    @property
    def end(self) -> float:
        """The rate of the last step."""
        return self.first if self.last is None else self.last


class Guard(_Frozen):
    """What becomes of a stage that unlearns: what it costs any general domain on held-out rows.

    A general domain is a validation stream that is no subset's. `budget_nats` is by how much the
    mean loss of a token may exceed that at the stage's start. `action`: end the run, or halve the
    shares of subsets' sources for what is left, three times at most, and then end it.
    """

    budget_nats: float = Field(ge=0)
    action: Literal["stop", "back_off"] = "stop"


class StageConfig(_Frozen):
    """One stage, or a session of one.

    `mixture` maps sources to weights, which need not sum to anything, or to shares of all rows.
    A source is `DOMAIN/SUBSET`, `*/SUBSET`, or `DOMAIN`: what of it no other source takes.
    `start`: a checkpoint, or the folder of a run, whose weights and moments the stage begins with.
    """

    name: str = Field(pattern=r"^[\w-]+$")
    tokens: int = Field(ge=1)
    mixture: dict[str, Weight | Ramp] = Field(min_length=1)
    lr: Rate
    start: str | None = None
    guard: Guard | None = None

    @model_validator(mode="after")
    def _shares_hold(self) -> Self:
        xs = np.linspace(0.0, 1.0, 101)
        shares = self.shares()
        planned = sum(share.at(xs) for share in self.scheduled() if share is not None)
        is_full = all(isinstance(each, Ramp) for each in self.mixture.values())
        if (np.asarray(planned) > 1 + 1e-9).any():
            raise ValueError("mixture: its shares exceed the whole")
        if is_full and not np.allclose(planned, 1.0):
            raise ValueError("mixture: its shares are not the whole; give one source a weight")
        assert is_full or np.allclose(sum(share.at(xs) for share in shares), 1.0)
        return self

    def scheduled(self) -> list[Share | None]:
        """Return the sources' shares where they are given as such."""
        return [one.as_share() if isinstance(one, Ramp) else None for one in self.mixture.values()]

    def shares(self) -> list[Share]:
        """Return the share of each source, in the order of the mixture."""
        weights = [None if isinstance(one, Ramp) else one for one in self.mixture.values()]
        return shares_of(weights, self.scheduled())


class Optimizer(_Frozen):
    """AdamW as Skywork-13B had it (section 3 of its report), or Muon for the matrices of blocks.

    With Muon, `momentum` is that of matrices, and betas are those of what AdamW still updates.
    """

    name: Literal["adamw", "muon"] = "adamw"
    momentum: float = Field(default=MOMENTUM, ge=0, lt=1)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _has_what_it_uses(self) -> Self:
        if self.name == "adamw" and self.momentum != MOMENTUM:
            raise ValueError("momentum is that of muon; adamw has beta1")
        return self


class Validation(_Frozen):
    """How often the loss on held-out rows is taken, and on how many rows of each stream."""

    every_steps: int = Field(default=50, ge=1)
    rows: int = Field(default=64, ge=1)


class Checkpoints(_Frozen):
    """How often a checkpoint is written, and how many are kept."""

    every_steps: int = Field(default=100, ge=1)
    keep: int = Field(default=3, ge=1)


class RunConfig(_Frozen):
    """A run of training, whole; a YAML file is this."""

    model: ModelConfig
    seq_len: int = Field(ge=2)
    batch_tokens: int = Field(ge=1)
    micro_batch_rows: int = Field(ge=1)
    seed: int = 0
    max_repeats: float = Field(default=5.0, gt=0)
    optimizer: Optimizer = Optimizer()
    execution: ExecutionConfig = ExecutionConfig()
    validation: Validation = Validation()
    checkpoints: Checkpoints = Checkpoints()
    log_every_steps: int = Field(default=10, ge=1)
    stages: tuple[StageConfig, ...] = Field(min_length=1)

    @field_validator("model", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value not in SHAPES:
            raise ValueError(f"there is no model {value!r}{_hint(value, list(SHAPES))}")
        return SHAPES[value]

    @field_validator("optimizer", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.seq_len > self.model.context_tokens:
            raise ValueError(
                f"seq_len {self.seq_len} exceeds the model's context_tokens "
                f"{self.model.context_tokens}"
            )
        if self.batch_tokens % (self.seq_len * self.micro_batch_rows):
            raise ValueError(
                f"batch_tokens {self.batch_tokens} are no multiple of {self.micro_batch_rows} rows "
                f"(micro_batch_rows) of {self.seq_len} tokens (seq_len)"
            )
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("stages: each needs a name of its own")
        for before, stage in zip(self.stages, self.stages[1:], strict=False):
            jump = abs(stage.lr.first - before.lr.end)
            if stage.start is None and not stage.lr.warmup_tokens and (
                jump > _RATE_SLACK * before.lr.end
            ):  # fmt: skip
                raise ValueError(
                    f"stages: {stage.name} begins at a rate of {stage.lr.first:g}, but "
                    f"{before.name} ends at {before.lr.end:g}; give warmup_tokens where that is "
                    "meant"
                )
        return self

    @property
    def batch_rows(self) -> int:
        """The rows of one step, over all ranks."""
        return self.batch_tokens // self.seq_len


def config_names() -> list[str]:
    """Return the names of the configurations that come with the package."""
    folder = resources.files(skypile) / "pretrain" / "configs"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_config(name: str) -> RunConfig:
    """Return the configuration of that name, or of that YAML file; raises UsageError."""
    if name in config_names():
        folder = resources.files(skypile) / "pretrain" / "configs"
        text = (folder / f"{name}.yaml").read_text("utf-8")
        return parse_config(text, f"config {name}")
    if not name.endswith((".yaml", ".yml")):
        raise UsageError(
            f"there is no config {name!r}{_hint(name, config_names())}; a file's name ends in .yaml"
        )
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: the config cannot be read: {error}") from error
    return parse_config(text, name)


def parse_config(text: str, path: str) -> RunConfig:
    """Return the configuration that the YAML `text` of `path` describes; raises UsageError."""
    try:
        # 6e-4 is a string to YAML 1.1; the models make a number of it.
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path}: a config is a mapping with model, seq_len, stages and more")
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_problem(error)}") from error


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def _keys(model: type[BaseModel] = RunConfig) -> Iterator[str]:
    """Yield the keys of all parts of a configuration."""
    parts = (RunConfig, StageConfig, Rate, Ramp, Guard, Optimizer, Validation, Checkpoints)
    for part in (model, *parts, ModelConfig, ExecutionConfig):
        for name, field in part.model_fields.items():
            yield field.alias or name


def _first_problem(error: ValidationError) -> str:
    """Return place and sentence of the likeliest cause: an unknown key before what is missing."""
    ranks = {"extra_forbidden": 0, "float_type": 2, "model_type": 2}
    # That a mapping is no number, or a number no mapping, is said of what the union did not mean.
    problems = sorted(error.errors(), key=lambda found: ranks.get(found["type"], 1))
    first: Any = problems[0]
    place = ".".join(str(step) for step in first["loc"])
    told = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        near = get_close_matches(str(first["loc"][-1]), sorted(set(_keys())), n=1)
        told = f"unknown key{f'; did you mean {near[0]}?' if near else ''}"
    return f"{place}: {told}" if place else told
