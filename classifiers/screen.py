"""Making a screen for a checkpoint: a small model of its token ids that decides the clear windows.

`python -m classifiers.screen --model FOLDER --data DIR` for the shipped model, or `--texts FILE...`
with unlabelled texts of one's own for any other. No label is needed: the screen is fitted to what
the checkpoint itself says (`classifiers.screen_fit`), its bounds on other texts
(`classifiers.screen_bounds`), and its figures are of texts that neither has seen.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer

from classifiers import ClassifierError
from classifiers.checkpoint import folder_of, labels
from classifiers.data import encoded, labelled_documents
from classifiers.model import Scorer, load
from classifiers.screen_bounds import TARGET_FRAC, Aim, aims, fitted, flag_figures
from classifiers.screen_fit import Settings, fitted_weights, targets
from classifiers.screen_model import ACTIVATIONS, VERSION, Screen, save_screen
from classifiers.screen_texts import Windows, default_texts, drawn, file_texts
from classifiers.windows import windows

__all__ = ["main", "make"]

_TOKENS: Final = 14_000_000
# Dev documents of each source, drawn evenly: all of them take as long as the rest.
_DEV_OF_SOURCE: Final = 100


def _logits(scorer: Scorer, ids: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return scorer.engine.start(ids, starts, lengths)()


def _figures(passed_W: np.ndarray, heads: dict[str, Any]) -> dict[str, Any]:
    count, passed = len(passed_W), int(passed_W.sum())
    frac = round(passed / max(count, 1), 4)
    return {"windows": count, "passed": passed, "passed_frac": frac, "heads": heads}


def _test_figures(
    scorer: Scorer, screen: Screen, every: Windows, scores_WL: np.ndarray, wanted: Sequence[Aim]
) -> dict[str, Any]:
    """Return the figures of the windows of part test, each as if it were a document."""
    rows = np.flatnonzero(every.parts == "test")
    alone_WL = scores_WL[rows]
    now_WL = screen.estimates(every.ids, every.starts[rows], every.lengths[rows])
    passed_W = ~screen.clear(now_WL)
    now_WL[passed_W] = alone_WL[passed_W]
    return _figures(passed_W, flag_figures(alone_WL, now_WL, scorer.own_labels, wanted))


def _dev_figures(
    scorer: Scorer, screen: Screen, data: Path, wanted: Sequence[Aim]
) -> dict[str, Any]:
    """Return the figures of dev documents whole, all of their windows pooled."""
    seen: Counter[str] = Counter()
    texts = []
    for doc in labelled_documents(data, "dev", cross=False):
        seen[doc.source] += 1
        if seen[doc.source] <= _DEV_OF_SOURCE:
            texts.append(doc.text)
    parts = encoded(Tokenizer.from_file(str(scorer.tokenizer_path)), texts)
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    ids = np.concatenate(parts)
    starts_W, lengths_W, documents_W = windows(offsets, scorer.room, scorer.max_windows)
    alone_WL = scorer.scores_of(_logits(scorer, ids, starts_W, lengths_W))
    now_WL = screen.estimates(ids, starts_W, lengths_W)
    passed_W = ~screen.clear(now_WL)
    now_WL[passed_W] = alone_WL[passed_W]
    alone_DL, now_DL = (
        scorer.pooled(scores_WL, passed_W, documents_W, len(texts)).pooled
        for scores_WL in (alone_WL, now_WL)
    )
    heads = flag_figures(alone_DL, now_DL, scorer.own_labels, wanted)
    return {"documents": len(texts)} | _figures(passed_W, heads)


def _fitted(
    scorer: Scorer,
    every: Windows,
    logits_WL: np.ndarray,
    wanted: Sequence[Aim],
    settings: Settings,
) -> Screen:
    """Return the screen: weights of the windows of part fit, bounds of those of part bounds."""
    rows = np.flatnonzero(every.parts == "fit")
    vectors: Any = scorer.model.get_input_embeddings()  # type: ignore[operator]
    weights = fitted_weights(
        vectors.weight.detach().float().cpu().numpy(),
        every.ids,
        every.starts[rows],
        every.lengths[rows],
        targets(logits_WL[rows], scorer.activation),
        settings,
    )
    nothing = np.zeros(len(wanted), np.float32)
    screen = Screen(weights, scorer.activation, nothing, nothing, {})
    rows = np.flatnonzero(every.parts == "bounds")
    estimates_WL = screen.estimates(every.ids, every.starts[rows], every.lengths[rows])
    scores_WL = scorer.scores_of(logits_WL[rows])
    low_L, high_L = fitted(estimates_WL, scores_WL, wanted, TARGET_FRAC, every.kinds[rows])
    return replace(screen, low_L=low_L, high_L=high_L)


def _described(
    scorer: Scorer,
    screen: Screen,
    every: Windows,
    wanted: Sequence[Aim],
    figures: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Return what screen.json holds."""
    names = scorer.own_labels
    return {
        "version": VERSION,
        "weights": scorer.fingerprint,
        "activation": screen.activation,
        "bounds": {
            name: {"low": float(low), "high": float(high)}
            for name, low, high in zip(names, screen.low_L, screen.high_L, strict=True)
        },
        "aims": {
            name: {"lowest": aim.lowest, "highest": aim.highest, "below": aim.is_below}
            for name, aim in zip(names, wanted, strict=True)
        },
        "target_frac": TARGET_FRAC,
        "figures": figures,
        "seed": seed,
        "tokens": int(every.lengths.sum()),
        "sources": every.counts(),
    }


def make(
    scorer: Scorer,
    every: Windows,
    wanted: Sequence[Aim],
    settings: Settings,
    *,
    data: Path | None = None,
) -> dict[str, Any]:
    """Fit a screen for a checkpoint, write it into its folder, and return what screen.json holds.

    With `data` its figures are of the dev labels too. Raises ClassifierError for a checkpoint
    whose outputs are no probabilities.
    """
    folder = scorer.tokenizer_path.parent
    if scorer.activation not in ACTIVATIONS:
        raise ClassifierError(
            f"{folder}: its output is a regression value, which no screen is made for; give "
            "config.json the problem_type single_label_classification or multi_label_classification"
        )
    logits_WL = _logits(scorer, every.ids, every.starts, every.lengths)
    screen = _fitted(scorer, every, logits_WL, wanted, settings)
    scores_WL = scorer.scores_of(logits_WL)
    figures = {"test": _test_figures(scorer, screen, every, scores_WL, wanted)}
    if data is not None:
        figures["dev"] = _dev_figures(scorer, screen, data, wanted)
    told = _described(scorer, screen, every, wanted, figures, settings.seed)
    save_screen(folder, screen.weights, told)
    return told


def summary(told: dict[str, Any]) -> str:
    """Return a screen's figures as lines of Markdown: what it passes on, and what it loses."""
    lines = []
    for name, figures in sorted(told["figures"].items()):
        lines += [
            f"{name}: {figures['passed']:,} of {figures['windows']:,} windows"
            f" ({figures['passed_frac']:.1%}) are passed on",
            "",
            "| label | threshold | flagged | lost | gained |",
            "|---|---|---|---|---|",
        ]
        for label, rows in figures["heads"].items():
            below = "below " if told["aims"][label]["below"] else ""
            lines += [
                f"| {label} | {below}{row['threshold']:g}{' *' if row['aimed'] else ''}"
                f" | {row['flagged']} | {row['lost']} | {row['gained']} |"
                for row in rows
            ]
        lines.append("")
    return "\n".join([*lines, "* the bounds were fitted for it"])


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="classifiers.screen",
        description="Make a screen: screen.safetensors and screen.json in a checkpoint's folder.",
    )
    add = parser.add_argument
    add("--model", required=True, metavar="FOLDER", help="'default' or a checkpoint's folder")
    texts = parser.add_mutually_exclusive_group(required=True)
    texts.add_argument("--data", type=Path, metavar="DIR", help="texts of DIR/labels, DIR/corpus")
    texts.add_argument("--texts", type=Path, nargs="+", metavar="FILE", help="unlabelled texts")
    add("--tokens", type=int, default=_TOKENS, metavar="N", help="to score; default %(default)s")
    add(
        "--range", action="append", default=[], metavar="LABEL=LOW:HIGH",
        help="thresholds at which its flags must stay; =-LOW:HIGH where flags lie below them",
    )  # fmt: skip
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Make a screen for a checkpoint and print its figures."""
    args = _arguments().parse_args(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(args.threads)
    try:
        folder = folder_of(args.model)
        wanted = aims(labels(folder), args.range)
        texts = default_texts(args.data, args.seed) if args.data else file_texts(args.texts)
        scorer = load(folder, cascade=False)
        windows_drawn = drawn(
            texts, scorer.tokenizer_path, room=scorer.room, tokens=args.tokens, seed=args.seed
        )
        settings = Settings(seed=args.seed)
        told = make(scorer, windows_drawn, list(wanted.values()), settings, data=args.data)
    except ClassifierError as error:
        print(f"classifiers.screen: {error}")
        return 1
    print(summary(told))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
