"""Say which share of each corpus file a recipe's rules keep, and why the rest goes.

Usage: SKYPILE_SHARED=DIR python benchmarks/rules.py [--recipe NAME] [--rows N] [--show REASON]
           [--table] [--only FILE] [--named]

`--named` gives source files their language by name, as in a source tree.

Reads DIR/data/corpus. Prints per file and source: rows, share kept, the most frequent reasons with
their shares. `--recipe` is a name or a file, `web` by default. `--show` prints beginnings of
documents rejected for that reason, `--table` Markdown of the same by file. The `score` section of
the recipe and duplicates are left out.
"""

from __future__ import annotations

import argparse
import collections
import os
from importlib import resources
from pathlib import Path

import orjson
import pyarrow as pa
import yaml
import zstandard

from skypile.curate import close, run_steps
from skypile.prog_langs import language_of
from skypile.recipe import Recipe, parse_recipe
from skypile.schema import empty_outcomes


def rules_only(name: str) -> Recipe:
    """Return the recipe without what needs a model."""
    path = resources.files("skypile") / "recipes" / f"{name}.yaml"
    found = Path(name) if name.endswith((".yaml", ".yml")) else path
    data = yaml.safe_load(found.read_text("utf-8"))
    data.pop("score", None)
    (data.get("mix") or {}).pop("subset", None)
    return parse_recipe(yaml.safe_dump(data), f"{name}.yaml")


def read(path: Path, limit: int) -> list[dict[str, str]]:
    """Return up to `limit` rows of a file, evenly drawn."""
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    return [orjson.loads(line) for line in lines[:: max(1, len(lines) // limit)]]


def judge(rows: list[dict[str, str]], recipe: Recipe, *, named: bool = False) -> pa.RecordBatch:
    """Return the batch of all rows, closed; `named`: with their languages by name."""
    names = [row["url"].rpartition("/")[2].rpartition(":")[2] if named else "" for row in rows]
    columns = {
        "text": pa.array([row["text"] for row in rows], pa.string()),
        "prog_lang": pa.array([language_of(name) for name in names], pa.string()),
        "record": pa.array([f"{row['url'] or row['id']}#0" for row in rows], pa.string()),
        "message": pa.nulls(len(rows), pa.string()),
    }
    batch = pa.RecordBatch.from_pydict(columns | empty_outcomes(len(rows)))
    return close(run_steps(batch, recipe.steps))


def table_row(name: str, reasons: list[str | None]) -> str:
    """Return a line of Markdown: how many documents a file has, the share kept, four reasons."""
    counts = collections.Counter(reasons)
    total, kept = len(reasons), counts.pop(None, 0)
    told = ", ".join(f"`{reason}` {n / total:.1%}" for reason, n in counts.most_common(4))
    return f"| {name} | {total:,} | {kept / total:.1%} | {told} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--show", default="")
    parser.add_argument("--recipe", default="web")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", default="*")
    parser.add_argument("--named", action="store_true")
    options = parser.parse_args()
    recipe = rules_only(options.recipe)
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    if options.table:
        print(
            f"| file | documents | {recipe.name} keeps | most frequent reasons |\n|---|---|---|---|"
        )
    for path in sorted(folder.glob(f"{options.only}.jsonl.zst")):
        rows = read(path, options.rows)
        batch = judge(rows, recipe, named=options.named)
        if options.table:
            print(
                table_row(path.name.split(".")[0], batch.column("reason").to_pylist()), flush=True
            )
            continue
        groups: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        found = zip(rows, batch.column("domain").to_pylist(), batch.column("reason").to_pylist(),
                    batch.column("reason_score").to_pylist(), strict=True)  # fmt: skip
        for row, domain, reason, score in found:
            group = path.name if path.name.startswith("other") else row["source"].split("/")[0]
            if path.name.startswith("code"):
                group = row["source"]
            groups[group][f"{domain}:{reason or 'kept'}"] += 1
            if options.show and reason == options.show:
                print(f"   [{row['source']} {row['url'][-60:]}] {score} {row['text'][:300]!r}")
        for group, reasons in sorted(groups.items()):
            total = sum(reasons.values())
            kept = sum(number for name, number in reasons.items() if name.endswith(":kept"))
            top = ", ".join(f"{name} {number / total:.2%}" for name, number in
                            reasons.most_common(9) if number / total > 0.001)  # fmt: skip
            print(f"{path.name.split('.')[0]:18} {group:36} {total:5} {kept / total:7.2%}  {top}")


if __name__ == "__main__":
    main()
