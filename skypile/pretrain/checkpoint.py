"""Checkpoints: folders that are complete or absent, written while training goes on.

A checkpoint has the weights and the optimizer's moments in float32, gathered from all ranks, as
safetensors, and `checkpoint.json`: step, configuration, facts of the data, and what the run decided
so far. There is no random state: nothing is drawn after the first weights. It is written into a
folder beside, forced to disk and renamed; a kill at any moment leaves the one before.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open

from skypile.errors import InputError, OutputError
from skypile.pretrain.model import Llama
from skypile.pretrain.muon import Muon
from skypile.pretrain.ranks import sharded_like, whole
from skypile.pretrain.tensors_file import write_tensors

__all__ = [
    "CheckpointWriter", "Snapshot", "State", "captured", "checkpoints", "newest", "read_state",
    "restore",
]  # fmt: skip

Tensor = torch.Tensor
_NAME = re.compile(r"step-(\d{8,})")
# AdamW has the first two of a weight, Muon the third.
_MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")
_STATE = "checkpoint.json"


class State(BaseModel):
    """All of a run that is no tensor. `step` counts steps done; `counts` are the mixture's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = 1
    step: int = Field(ge=0)
    config: dict[str, Any]
    data: dict[str, str]
    threads: int
    ranks: int
    counts: list[int]
    back_offs: list[int] = []
    baseline: dict[str, float] = {}
    validated_step: int | None = None
    validated: dict[str, float] = {}
    stopped: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """Copies of all tensors on the CPU, by name, and the state."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    state: State


def captured(
    model: Llama, optimizer: torch.optim.Optimizer, state: State, *, is_kept: bool = True
) -> Snapshot:
    """Return a copy of everything; with several ranks each must call, and the first one keeps it.

    Moments are named `exp_avg.WEIGHT` and their like; `step` is AdamW's count of its steps.
    """
    weights, moments = {}, {}

    def copy(tensor: Tensor) -> Tensor:
        gathered = whole(tensor.detach())
        return gathered.to("cpu", torch.float32, copy=True) if is_kept else gathered.new_empty(0)

    for name, weight in model.named_parameters():
        weights[name] = copy(weight)
        held = optimizer.state.get(weight)
        for moment in _MOMENTS:
            if held and moment in held:
                moments[f"{moment}.{name}"] = copy(held[moment])
        if held and "step" in held:
            moments["step"] = held["step"].detach().to("cpu", torch.float32, copy=True)
    return Snapshot(weights, moments, state)


def restore(folder: Path, model: Llama, optimizer: torch.optim.Optimizer) -> None:
    """Give model and optimizer the tensors of a checkpoint, for any number of ranks.

    Moments that another optimizer kept of a weight are left out: that weight's begin at nought.
    Raises InputError where it is damaged or of another shape.
    """
    is_muon = isinstance(optimizer, Muon)
    matrices = set(optimizer.param_groups[0]["params"]) if is_muon else set()
    try:
        with (
            safe_open(folder / "model.safetensors", "pt") as weights,
            safe_open(folder / "optimizer.safetensors", "pt") as moments,
        ):
            parameters = dict(model.named_parameters())
            names = set(weights.keys())
            if names != set(parameters):
                odd = min(names ^ set(parameters))
                raise InputError(f"{folder}: is of another model ({odd} is in one of the two only)")
            there = set(moments.keys())
            for name, weight in parameters.items():
                _restore_one(weights.get_tensor(name), weight, name, folder)
                kinds = _MOMENTS[2:] if weight in matrices else _MOMENTS[:2]
                if not there.issuperset(f"{kind}.{name}" for kind in kinds):
                    optimizer.state.pop(weight, None)
                    continue
                optimizer.state[weight] = {
                    kind: sharded_like(moments.get_tensor(f"{kind}.{name}"), weight)
                    for kind in kinds
                }
                if weight not in matrices:
                    # A copy for each: what a file gives for one name is one piece of memory.
                    step = moments.get_tensor("step").to(weight.device, copy=True)
                    optimizer.state[weight]["step"] = step
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{folder}: is damaged ({error}); take it away, and the one before it is used"
        ) from error


@torch.no_grad()
def _restore_one(tensor: Tensor, weight: torch.nn.Parameter, name: str, folder: Path) -> None:
    if tensor.shape != weight.shape:
        raise InputError(
            f"{folder}: {name} is {'x'.join(map(str, tensor.shape))}, the model's is "
            f"{'x'.join(map(str, weight.shape))}"
        )
    weight.copy_(sharded_like(tensor, weight))


def read_state(folder: Path) -> State:
    """Return the state of a checkpoint; raises InputError."""
    try:
        return State.model_validate_json((folder / _STATE).read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"{folder}/{_STATE}: cannot be read ({error})") from error


def checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints in a folder, oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def newest(path: Path) -> Path:
    """Return the newest checkpoint of a run's folder, or `path` if it is one; raises InputError."""
    if (path / _STATE).is_file():
        return path
    if found := checkpoints(path / "checkpoints"):
        return found[-1]
    raise InputError(f"{path}: is no checkpoint, and no run with one")


class CheckpointWriter:
    """Writes snapshots into a folder by a thread, one at a time, and keeps the last `keep`."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        self.folder, self.keep = folder, keep
        self._thread: threading.Thread | None = None
        self._error: OutputError | None = None
        for stale in folder.glob(".step-*.tmp"):
            shutil.rmtree(stale, ignore_errors=True)

    def begin(self, snapshot: Snapshot) -> None:
        """Start to write a snapshot, after waiting for the one before; raises its OutputError."""
        self.wait()
        self._thread = threading.Thread(
            target=self._write, args=(snapshot,), name="checkpoint", daemon=False
        )
        self._thread.start()

    def wait(self) -> None:
        """Return when nothing is being written; raises OutputError where that went wrong."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()

    def check(self) -> None:
        """Raise the OutputError of what has been written since, where there is one."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _write(self, snapshot: Snapshot) -> None:
        step = snapshot.state.step
        place = self.folder / f"step-{step:08d}"
        beside = self.folder / f".step-{step:08d}.tmp"
        try:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            write_tensors(beside / "model.safetensors", snapshot.weights)
            write_tensors(beside / "optimizer.safetensors", snapshot.moments)
            _write_json(beside / _STATE, snapshot.state.model_dump(mode="json"))
            _sync(beside)
            if place.exists():
                shutil.rmtree(place)
            beside.rename(place)
            _sync(self.folder)
            for old in checkpoints(self.folder)[: -self.keep]:
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            there = checkpoints(self.folder)
            kept = f"{there[-1]} is intact" if there else "there is none before it"
            self._error = OutputError(
                f"{place}: the checkpoint cannot be written ({error.strerror}); {kept}"
            )


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        json.dump(data, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    """Force a folder's entries to disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
