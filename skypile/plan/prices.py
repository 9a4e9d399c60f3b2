"""Prices that the user gives, and what a run of given quantities costs by them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import UsageError
from skypile.plan.predict import Value

__all__ = ["FORMULA", "Prices", "cost", "load_prices"]

# What Dataflow's batch jobs are billed by: vCPU, memory, disk, shuffled data, accelerators.
FORMULA = (
    "core_hours x vcpu_hour + core_hours x memory_gb_per_vcpu x memory_gb_hour + "
    "shuffle_bytes / 1e9 x shuffle_gb + score_gpu_hours x gpu_hour + "
    "work_bytes / 1e9 x wall_hours x storage_gb_hour"
)
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Prices(BaseModel):
    """Prices of one unit each, where they are from, and of when; nothing has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = Field(min_length=1)
    source: str = Field(min_length=1)
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    vcpu_hour: Price
    memory_gb_hour: Price
    memory_gb_per_vcpu: Price
    shuffle_gb: Price
    gpu_hour: Price | None = None
    storage_gb_hour: Price | None = None


def load_prices(path: str) -> Prices:
    """Return the prices of the YAML file at `path`; UsageError where they cannot be."""
    try:
        data = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"--prices {path}: cannot be read: {' '.join(str(error).split())}"
        ) from error
    if isinstance(data, dict) and "date" in data:
        data["date"] = str(data["date"])  # YAML makes a date of it
    try:
        return Prices.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"--prices {path}: {where}: {first['msg']}; expected are currency, source, date "
            f"(YYYY-MM-DD) and prices: {', '.join(list(Prices.model_fields)[3:])}"
        ) from error


def cost(values: dict[str, Value], prices: Prices) -> dict[str, Any]:
    """Return the cost by item and its sum, as values with intervals.

    Ends of intervals are added up, as if all were low or high at once. Raises UsageError where
    something is used whose price is not given.
    """
    parts: dict[str, tuple[str, float | None, float]] = {
        "vcpu": ("core_hours", prices.vcpu_hour, 1.0),
        "memory": ("core_hours", prices.memory_gb_hour, prices.memory_gb_per_vcpu),
        "shuffle": ("shuffle_bytes", prices.shuffle_gb, 1e-9),
        "gpu": ("score_gpu_hours", prices.gpu_hour, 1.0),
    }
    items = {}
    for item, (name, price, unit) in parts.items():
        used = values.get(name)
        if used is None:
            continue
        if price is None:
            raise UsageError(f"--prices: no {item}_hour is given, and the build needs one")
        items[item] = _times(used, price * unit)
    if prices.storage_gb_hour is not None:
        used, hours = values["work_bytes"], values["wall_hours"]
        ends = ((getattr(used, end) * getattr(hours, end)) for end in ("value", "low", "high"))
        items["storage"] = _times(Value(*ends), prices.storage_gb_hour * 1e-9)
    sums = (math.fsum(getattr(v, end) for v in items.values()) for end in ("value", "low", "high"))
    told = {name: value.to_json() for name, value in items.items()}
    return {"prices": prices.model_dump(), "items": told, "sum": Value(*sums).to_json()}


def _times(used: Value, price: float) -> Value:
    return Value(used.value * price, used.low * price, used.high * price)
