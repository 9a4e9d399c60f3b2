"""Say how fast one core takes documents from Parquet through all rules to Parquet, and datatrove.

    python benchmarks/end_to_end.py $SKYPILE_SHARED/data --peer PYTHON --model LID176 [--rounds N]

12,000 documents of the corpus (three eighths English, three eighths Chinese, a quarter code) lie in
a zstd Parquet file. SkyPile's way through them is that of a build's phase curate: its reader, every
stage of the recipe `web` without models, stage `pii` (which replaces), the rules, stage `signature`
(128 MinHash values and an exact hash), and a zstd Parquet file with all columns. `all` computes
every statistic of every document; `early` stops at the first rule that rejects, as a build does.

The peer is datatrove in its own environment (PYTHON), over every 80th document: see
end_to_end_peer.py. It does not read or write files here. Both run alternately; speed is MB of UTF-8
text per second of CPU time of the process, all threads counted, the best of the rounds. Prints
Markdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from skypile.curate import annotate, close, run_steps
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units
from skypile.phases.context import part_schema
from skypile.phases.curate import FEW_VALUES
from skypile.policy import decide
from skypile.recipe import Recipe, Step, load_recipe
from skypile.stages.pii import Pii
from skypile.stages.signature import Signature

FILES = {
    "en": ("en_books", "en_docs", "en_prose_nltk", "en_stem", "en_tech_lctt"),
    "zh": ("zh_docs", "zh_hant", "zh_news", "zh_stem", "zh_tech_goldminer", "zh_tech_lctt"),
    "code": ("code",),
}
SHARES = {"en": 4500, "zh": 4500, "code": 3000}
PEER_EVERY = 80
FIELDS = ("id", "text", "url", "source", "license")
LEVEL = 1  # what a build's parts have


def documents(folder: Path) -> list[dict[str, str]]:
    """Return the documents, domains mixed."""
    chosen: list[tuple[float, dict[str, str]]] = []
    for domain, names in FILES.items():
        rows: list[dict[str, str]] = []
        for name in names:
            content = (folder / "corpus" / f"{name}.jsonl.zst").read_bytes()
            lines = zstandard.ZstdDecompressor().stream_reader(content).read().splitlines()
            rows += [orjson.loads(line) for line in lines]
        wanted = SHARES[domain]
        kept = [rows[place * len(rows) // wanted] for place in range(wanted)]
        chosen += [(place / wanted, row) for place, row in enumerate(kept)]
    chosen.sort(key=lambda pair: pair[0])
    return [{field: row.get(field) or "" for field in FIELDS} for _, row in chosen]


class Clock:
    """CPU seconds by name of what they went to."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of the block to `name`."""
        begun = time.process_time()
        yield
        self.spent[name] += time.process_time() - begun  # type: ignore[assignment]


def timed(batches: Iterator[pa.RecordBatch], clock: Clock) -> Iterator[pa.RecordBatch]:
    """Yield the batches, the time that each takes put down to reading."""
    while True:
        with clock("read"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def all_scored(batch: pa.RecordBatch, recipe: Recipe, clock: Clock) -> pa.RecordBatch:
    """Return the batch with all columns of all documents, and outcomes."""
    stages = [stage for step in recipe.steps for stage in step.stages]
    for stage in (*stages, Signature()):
        with clock(stage.name):
            batch = annotate(batch, [stage])
    with clock("rules"):
        return decide(batch, recipe.rules)


def stopped_early(batch: pa.RecordBatch, recipe: Recipe, clock: Clock) -> pa.RecordBatch:
    """Return the batch as a build has it."""
    with clock("steps"):
        batch = run_steps(batch, recipe.steps)
    with clock("signature"):
        return annotate(batch, [Signature()])


def skypile(source: Path, target: Path, recipe: Recipe, *, early: bool) -> Clock:
    """Take the documents from file to file; return where the time went."""
    clock = Clock()
    fields = {field.name: field.type for field in part_schema(recipe)} | Signature().writes
    schema = pa.schema(list(fields.items()))
    [unit] = plan_units([str(source)]).units
    with pq.ParquetWriter(
        target, schema, compression="zstd", compression_level=LEVEL, use_dictionary=FEW_VALUES
    ) as writer:
        for read in timed(iter(open_unit(unit, ReadOptions())), clock):
            batch = (stopped_early if early else all_scored)(read, recipe, clock)
            with clock("write"):
                writer.write_batch(close(batch).select(schema.names).cast(schema))
        begun = time.process_time()
    clock.spent["write"] += time.process_time() - begun  # type: ignore[assignment]
    return clock


def peer(python: str, model: str, source: Path) -> dict[str, float]:
    """Return datatrove's CPU seconds by step."""
    script = Path(__file__).with_name("end_to_end_peer.py")
    done = subprocess.run(
        [python, str(script), str(source), model], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(title: str, spent: Counter[str], size: float) -> None:
    """Print where the time went."""
    total = sum(spent.values())
    print(f"\n| {title} | CPU s | share | MB/s |\n|---|---|---|---|")
    for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
        print(f"| {name} | {seconds:.3f} | {seconds / total:.1%} | {size / seconds:,.1f} |")
    print(f"| **all** | {total:.3f} | | **{size / total:,.2f}** |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peer", help="a Python that has datatrove")
    parser.add_argument("--model", default="", help="lid.176.ftz or .bin, for datatrove")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    web = load_recipe("web").without_models()
    recipe = web.model_copy(update={"steps": (*web.steps, Step(stages=(Pii(),)))})
    rows = documents(args.data)
    size = sum(len(row["text"].encode()) for row in rows) / 1e6
    sample = rows[::PEER_EVERY]
    sample_size = sum(len(row["text"].encode()) for row in sample) / 1e6
    print(
        f"{len(rows):,} documents, {size:.1f} MB; datatrove: {len(sample)}, {sample_size:.2f} MB."
    )
    best: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, few, target = (
            Path(folder) / name for name in ("all.parquet", "few.parquet", "out")
        )
        pq.write_table(pa.Table.from_pylist(rows), source, compression="zstd")
        pq.write_table(pa.Table.from_pylist(sample), few, compression="zstd")
        skypile(few, target, recipe, early=False)  # compiles
        for _ in range(args.rounds):
            found = {
                "all": skypile(source, target, recipe, early=False).spent,
                "early": skypile(source, target, recipe, early=True).spent,
            }
            if args.peer:
                found["datatrove"] = Counter(peer(args.peer, args.model, few))
            for name, spent in found.items():
                if name not in best or sum(spent.values()) < sum(best[name].values()):
                    best[name] = spent
            told = {name: f"{sum(spent.values()):.2f}" for name, spent in found.items()}
            print(f"<!-- {told} -->", file=sys.stderr)
    for name, spent in best.items():
        table(name, spent, sample_size if name == "datatrove" else size)
    if args.peer:
        ours = size / sum(best["all"].values())
        theirs = sample_size / sum(best["datatrove"].values())
        print(f"\n{ours:.1f} against {theirs:.3f} MB/s: {ours / theirs:.0f} times.")


if __name__ == "__main__":
    main()
