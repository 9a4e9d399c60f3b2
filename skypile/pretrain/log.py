"""The log of a run: one record per logged step, validation, and decision of a guard.

As JSON Lines, and what of it are numbers in a file beside for TensorBoard.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from skypile.errors import InputError, OutputError
from skypile.pretrain.events import EVENTS_FILE, EventFile

__all__ = ["RunLog", "read_log", "scalars"]

_OF_STEPS = ("loss", "lr", "grad_norm", "tokens_per_second")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the records of a log; a last line that a kill cut off is left out."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise InputError(f"{path}: the log cannot be read ({error.strerror})") from error
    # Whole lines end in a newline, so the last piece is empty or torn.
    try:
        return [json.loads(line) for line in lines[:-1]]
    except ValueError as error:
        raise InputError(f"{path}: is no log of a run ({error})") from error


def scalars(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a record by tag: `train/loss`, `validation/en`, `guard/en`."""
    if record["kind"] == "step":
        shares = {f"mfu/{name}": share for name, share in record.get("mfu", {}).items()}
        return {f"train/{name}": record[name] for name in _OF_STEPS} | shares
    if record["kind"] == "validation":
        return {f"validation/{name}": loss for name, loss in record["losses"].items()}
    return {f"guard/{name}": rise for name, rise in record["risen"].items()}


class RunLog:
    """Appends records; each has its `step` (how many are done) and its `kind`."""

    def __init__(self, path: Path, *, step: int) -> None:
        """Go on with a log after `step`: what was logged beyond is done again, so it goes."""
        self.path = path
        kept = [r for r in read_log(path) if r["step"] <= step] if path.exists() else []
        beside = path.with_suffix(".tmp")
        try:
            beside.write_text("".join(json.dumps(r) + "\n" for r in kept), "utf-8")
            beside.replace(path)
            self._stream = path.open("a", encoding="utf-8")
            self._events = EventFile(path.with_name(EVENTS_FILE))
            for record in kept:
                self._events.add(record["step"], scalars(record))
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error

    def add(self, record: Mapping[str, Any]) -> None:
        """Append a record; raises OutputError."""
        try:
            self._stream.write(json.dumps(record) + "\n")
            self._stream.flush()
            self._events.add(record["step"], scalars(record))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error

    def close(self) -> None:
        """Force what was appended to disk; raises OutputError."""
        try:
            with closing(self._events), closing(self._stream):
                os.fsync(self._stream.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error
