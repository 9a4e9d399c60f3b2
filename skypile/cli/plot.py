"""``skypile plot``: the curves of a training run as a PNG."""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path
from typing import Any

from skypile.cli.terminal import show
from skypile.errors import InputError, OutputError, UsageError
from skypile.pretrain.log import read_log

__all__ = ["add_arguments", "curves", "new_figure", "run", "save_figure"]

EPILOG = """\
The picture has the loss of training and, by validation stream, that on held-out rows; below them
the learning rate, the gradients' norm and the speed; lines part the stages. matplotlib draws it:
pip install 'skypile[plot]'.
"""
PANELS = (
    ("lr", "learning rate"),
    ("grad_norm", "gradient norm"),
    ("tokens_per_second", "tokens/s"),
)
Curve = tuple[list[int], list[float]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile plot``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the folder of a run")
    add("--output", type=Path, metavar="FILE", help="default: RUN/curves.png")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Draw the curves; return 0, or raise SkyPileError."""
    assert not extra
    records = read_log(args.run / "log.jsonl")
    if not any(record["kind"] == "step" for record in records):
        raise InputError(f"{args.run / 'log.jsonl'}: has no steps yet")
    figure = new_figure("skypile plot", (10.0, 9.0))
    output = args.output or args.run / "curves.png"
    _draw(figure, records)
    save_figure(figure, output)
    show(str(output))
    return 0


def new_figure(asked: str, inches: tuple[float, float]) -> Any:
    """Return an empty figure for what was `asked`; raises UsageError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{asked} draws with matplotlib, which is not here: pip install 'skypile[plot]'"
        ) from error
    return Figure(figsize=inches, layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as a PNG; raises OutputError."""
    try:
        figure.savefig(path, dpi=120, format="png")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def curves(records: list[dict[str, Any]]) -> dict[str, Curve]:
    """Return steps and values of all curves: training's by field, `held out NAME` by stream."""
    found: dict[str, Curve] = {}
    for record in records:
        values: dict[str, float] = {}
        if record["kind"] == "step":
            values = {name: record[name] for name in ("loss", *(name for name, _ in PANELS))}
        elif record["kind"] == "validation":
            values = {f"held out {name}": loss for name, loss in record["losses"].items()}
        for name, value in values.items():
            steps, column = found.setdefault(name, ([], []))
            steps.append(record["step"])
            column.append(value)
    return found


def _draw(figure: Any, records: list[dict[str, Any]]) -> None:
    found = curves(records)
    heights = [4, *[1] * len(PANELS)]
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    panels[0].plot(*found["loss"], color="0.7", linewidth=1, label="training")
    for name in sorted(name for name in found if name.startswith("held out")):
        panels[0].plot(*found[name], marker=".", label=name)
    panels[0].set_ylabel("nats per token")
    panels[0].legend()
    for panel, (name, title) in zip(panels[1:], PANELS, strict=True):
        panel.plot(*found[name], linewidth=1)
        panel.set_ylabel(title)
    panels[-1].set_xlabel("steps")
    for stage, group in groupby(records, key=lambda record: record["stage"]):
        first = next(group)["step"]
        for panel in panels:
            panel.axvline(first, color="0.85", linewidth=1, zorder=0)
        panels[0].annotate(f" {stage}", (first, 1), xycoords=("data", "axes fraction"), va="top")
