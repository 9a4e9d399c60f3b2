"""The model card of a fine-tuned classifier: all that its metrics.json holds, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["card"]

_CARD = """\
---
library_name: transformers
pipeline_tag: text-classification
---

# {heads}

A sequence classifier ({architecture}, {parameters} parameters), fine-tuned from `{base}`, with a
sigmoid output for each of {heads}. Any Hugging Face `AutoModelForSequenceClassification` loads it
without code of its own, and `stage: classify` with `model:` this folder writes a column for each.
A document longer than {max_tokens} tokens is scored by up to {max_windows} windows, spread evenly.

## Data

| file | SHA-256 |
|---|---|
{files}

{rows} labelled rows were read{skipped}. They were split by {group_by}: no group lies in two
splits, and {copies} near copies of rows of another split were left out.

| split | groups | rows | {head_columns} |
|---|---|---|{head_rule}|
{splits}

Licences as the rows give them:

| licence | rows |
|---|---|
{licenses}

Languages as the rows give them or as they were detected: {languages}.

## Training

Seed {seed}, {epochs_run} of at most {epochs} epochs, the best by {metric} on valid was epoch
{best_epoch}; AdamW, peak rate {rate:g}, 6 % warm-up, then linearly to zero, {batch_tokens} tokens a
batch, rows drawn by the square root of their source's size. {device}.{teacher}{mlm}

| epoch | steps | loss | loss on valid | mean average precision on valid |
|---|---|---|---|---|
{log}

On one type of CPU the same rows, seed, threads and versions give the same bytes.

## On the test split

AUC and average precision (AP) with 95 % intervals over drawings of groups (of rows where there are
fewer than five groups); log loss in nats before calibration, as saved, and with a language's own
calibration.

| head | language | positives | negatives | AUC | AP | log loss: raw | saved | by language |
|---|---|---|---|---|---|---|---|---|
{figures}

By source (the 50 with the most rows):

| head | source | positives | negatives | mean score | AUC | AP |
|---|---|---|---|---|---|---|
{sources}

## Calibration

The slope and offset of each output's logit were fitted on valid (Platt 1999) and are part of the
saved weights: {folded}. They are 1 and 0 where valid has fewer than ten rows of either class, or no
slope above 0 fits. `calibration.json` holds what each language with that many rows still needs on
top: p = sigmoid(slope * logit + offset).

## Thresholds

The lowest threshold that reaches a wanted precision on the test split, as `max:` of a rule: what
lies above it is flagged. Soft labels count as positive from 0.5 on. Intervals are Wilson's, 95 %.
The last column is what the same threshold gives on valid, because a threshold looks best on the
rows that it was chosen by. A precision that no threshold reaches is left out. Shares flagged are
those of these rows: in a crawl, where other shares are positive, they and the precision differ.

| head | language | wanted | threshold | precision | recall | flagged | on valid |
|---|---|---|---|---|---|---|---|
{thresholds}
"""


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return ""
    return _number(value) + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _table(rows: Sequence[Sequence[object]]) -> str:
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _figure_rows(test: Mapping[str, Any]) -> list[list[object]]:
    return [
        [
            head, language, one["positives"], one["negatives"],
            _with_interval(one["auc"], one["auc_interval"]),
            _with_interval(one["ap"], one["ap_interval"]),
            _number(one["log_loss_raw"]), _number(one["log_loss"]),
            _number(one.get("log_loss_by_language")),
        ]
        for head, groups in test.items()
        for language, one in groups.items()
    ]  # fmt: skip


def _source_rows(sources: Mapping[str, Any]) -> list[list[object]]:
    return [
        [
            head, source, one["positives"], one["negatives"], _number(one["mean_score"]),
            _with_interval(one["auc"], one["auc_interval"]),
            _with_interval(one["ap"], one["ap_interval"]),
        ]
        for head, groups in sources.items()
        for source, one in groups.items()
    ]  # fmt: skip


def _threshold_rows(thresholds: Mapping[str, Any]) -> list[list[object]]:
    return [
        [
            head, language, f"{one['precision_wanted']:g}", f"{one['threshold']:.6f}",
            f"{_with_interval(one['precision'], one['precision_interval'])}, "
            f"{one['hits']} of {one['flagged']}",
            f"{_with_interval(one['recall'], one['recall_interval'])}, "
            f"{one['hits']} of {one['positives']}",
            f"{one['flagged_frac']:.1%} of {one['rows']}",
            f"{one['valid_hits']} of {one['valid_flagged']}" if "valid_hits" in one else "",
        ]
        for head, groups in thresholds.items()
        for language, table in groups.items()
        for one in table
    ]  # fmt: skip


def _teacher(metrics: Mapping[str, Any]) -> str:
    found = metrics["training"]["teacher"]
    if found is None:
        return ""
    return (
        f" The labels of training were mixed by halves with the probabilities of `{found['name']}` "
        f"(fingerprint {found['fingerprint'][:12]})."
    )


def _mlm(metrics: Mapping[str, Any]) -> str:
    found = metrics["training"]["mlm"]
    if found is None:
        return ""
    held = ""
    if found["held_out_after"]:
        held = (
            f", on held-out text from {found['held_out_before']['loss']} to "
            f"{found['held_out_after']['loss']}"
        )
    return (
        f" Before that {found['steps']} steps of masked language modelling over {found['tokens']} "
        f"tokens of {found['documents']} unlabelled documents (loss from {found['first_loss']} to "
        f"{found['last_loss']}{held})."
    )


def _data(metrics: Mapping[str, Any]) -> dict[str, object]:
    data, heads = metrics["data"], list(metrics["model"]["heads"])
    unreadable = data["unreadable"]
    splits = [
        [name, one["groups"], one["rows"], *("/".join(map(str, one[head])) for head in heads)]
        for name, one in data["splits"].items()
    ]
    return {
        "files": _table([[one["name"], one["sha256"] or "not hashed"] for one in data["files"]]),
        "rows": f"{data['rows']:,}",
        "skipped": f", and {unreadable:,} could not be" if unreadable else "",
        "group_by": data["group_by"],
        "copies": data["near_copies"],
        "head_columns": " | ".join(f"{head} 0/1" for head in heads),
        "head_rule": "|".join("---" for _ in heads),
        "splits": _table(splits),
        "licenses": _table(list(data["licenses"].items())),
        "languages": ", ".join(f"{name} {count}" for name, count in data["languages"].items()),
    }


def _training(metrics: Mapping[str, Any]) -> dict[str, object]:
    training = metrics["training"]
    log = [
        [
            at, one["steps"], _number(one["loss"]), _number(one["valid_loss"]),
            _number(one["valid_ap"]),
        ]
        for at, one in enumerate(training["log"], 1)
    ]  # fmt: skip
    return {
        "epochs_run": len(log),
        "metric": {"loss": "the loss", "ap": "the mean average precision"}[training["metric"]],
        "teacher": _teacher(metrics),
        "mlm": _mlm(metrics),
        "log": _table(log),
        **{
            name: training[name]
            for name in ("seed", "epochs", "best_epoch", "rate", "batch_tokens", "device")
        },
    }


def card(metrics: Mapping[str, Any]) -> str:
    """Return the card as Markdown: a function of the metrics alone."""
    model = metrics["model"]
    folded = [
        f"{head} {one['slope']:.3f} and {one['offset']:.3f}"
        for head, one in metrics["calibration"]["folded"].items()
    ]
    return _CARD.format(
        heads=", ".join(model["heads"]),
        architecture=model["architecture"],
        parameters=f"{model['parameters']:,}",
        base=model["base"],
        max_tokens=model["max_tokens"],
        max_windows=model["max_windows"],
        figures=_table(_figure_rows(metrics["test"])),
        sources=_table(_source_rows(metrics["test_by_source"])),
        folded=", ".join(folded),
        thresholds=_table(_threshold_rows(metrics["thresholds"])),
        **_data(metrics),
        **_training(metrics),
    )
