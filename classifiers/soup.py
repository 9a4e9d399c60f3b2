"""The mean of the weights of several classifiers that were fine-tuned from the same start.

`python -m classifiers.soup FOLDER FOLDER... --output FOLDER`. The mean often does better than each
of them on sources that none has seen, at the price of one (Wortsman et al. 2022, "Model soups");
that holds for runs from one start alone (`classifiers.train --run`), with the same new outputs.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from classifiers import ClassifierError
from classifiers.checkpoint import check_loadable

__all__ = ["main", "mean_weights", "soup"]


def mean_weights(folders: Sequence[Path]) -> dict[str, torch.Tensor]:
    """Return the mean of the folders' weights by name, computed in fp32, in their own precision.

    Raises ClassifierError where two folders do not hold weights of the same names and shapes.
    """
    sums: dict[str, torch.Tensor] = {}
    kinds: dict[str, torch.dtype] = {}
    for folder in folders:
        weights = load_file(folder / "model.safetensors")
        if not sums:
            kinds = {name: weight.dtype for name, weight in weights.items()}
            sums = {name: torch.zeros_like(x, dtype=torch.float64) for name, x in weights.items()}
        if {n: x.shape for n, x in weights.items()} != {n: x.shape for n, x in sums.items()}:
            raise ClassifierError(f"{folder}: its weights are of other shapes than {folders[0]}'s")
        for name, weight in weights.items():
            sums[name] += weight.double()
    return {name: (x / len(folders)).to(kinds[name]) for name, x in sums.items()}


def _config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {name: value for name, value in found.items() if not name.endswith("dropout_prob")}


def soup(folders: Sequence[Path], output: Path) -> None:
    """Write the mean of the folders' weights, with the files of the first beside it.

    Raises ClassifierError where the folders' configurations, dropout aside, or tokenizers differ.
    """
    if len(folders) < 2:
        raise ClassifierError("name two folders or more")
    for folder in folders:
        check_loadable(folder)
        if _config(folder) != _config(folders[0]):
            raise ClassifierError(f"{folder}: its config.json differs from {folders[0]}'s")
        tokenizers = {(x / "tokenizer.json").read_bytes() for x in (folder, folders[0])}
        if len(tokenizers) > 1:
            raise ClassifierError(f"{folder}: its tokenizer.json differs from {folders[0]}'s")
    weights = mean_weights(folders)
    output.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        if output.resolve() != folders[0].resolve():
            shutil.copyfile(folders[0] / name, output / name)
    beside = output / "model.safetensors.part"
    save_file(weights, beside, metadata={"format": "pt"})
    beside.chmod(0o644)
    beside.replace(output / "model.safetensors")


def main(argv: Sequence[str] | None = None) -> int:
    """Average the weights of several classifiers."""
    parser = argparse.ArgumentParser(prog="classifiers.soup", description=main.__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        soup(args.folders, args.output)
    except ClassifierError as error:
        print(f"classifiers.soup: {error}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
