"""datatrove's part of dedup_speed.py, run with a Python that has datatrove and not SkyPile.

    python dedup_speed_peer.py FILE.jsonl FOLDER

Signatures, buckets, cluster and filter with their defaults (14 x 8, word 5-grams, English), one
task, one worker each. Leaves what is kept as JSON Lines in FOLDER, and their number in kept.txt.
"""

from __future__ import annotations

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter


def main() -> None:
    """Run the four stages one after another."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    config = MinhashConfig()
    names = ("signatures", "buckets", "clusters", "kept")
    paths = {name: str(folder / name) for name in names}

    def reader() -> JsonlReader:
        return JsonlReader(str(source.parent), glob_pattern=source.name)

    stages = (
        [reader(), MinhashDedupSignature(paths["signatures"], config=config, language="eng")],
        [MinhashDedupBuckets(paths["signatures"], paths["buckets"], config=config)],
        [MinhashDedupCluster(paths["buckets"], paths["clusters"], config=config)],
        [reader(), MinhashDedupFilter(paths["clusters"]), JsonlWriter(paths["kept"])],
    )
    for number, pipeline in enumerate(stages):
        tasks = config.num_buckets if number == 1 else 1
        logs = str(folder / f"logs{number}")
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
    kept = sum(document is not None for document in JsonlReader(paths["kept"]).run())
    (folder / "kept.txt").write_text(str(kept))


if __name__ == "__main__":
    main()
