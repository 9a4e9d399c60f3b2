"""Corpora built from the bundled sample, by the command as users call it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from build_runs import shared_forge

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
INPUTS = ("web-en.jsonl", "web-zh.jsonl", "crawl-broken.jsonl", "code")


@dataclass(frozen=True)
class Built:
    """A corpus on disk."""

    path: Path

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.path / "manifest.json").read_text("utf-8"))

    def rows(self, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return all documents, whatever their outcome."""
        tables = []
        for folder in ("data", "surplus", "rejected", "error"):
            if (self.path / folder).exists():
                found = ds.dataset(self.path / folder, format="parquet").to_table(list(columns))
                tables.append(found)
        return pa.concat_tables(tables).to_pylist()

    def same_bytes(self) -> dict[str, Any]:
        """Return all that must not depend on how the corpus was built."""
        manifest = {name: value for name, value in self.manifest.items() if name != "run"}
        shards = sorted(self.path.glob("*/**/*.parquet"))
        names = [str(shard.relative_to(self.path)) for shard in shards]
        data = [s.read_bytes() for s in shards if ".work" not in s.parts]
        return {"manifest": manifest, "names": [n for n in names if ".work" not in n], "data": data}


def skypile(*args: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, forked from one that has loaded everything."""
    done = shared_forge().run(*args)
    return subprocess.CompletedProcess([*args], done.code, done.out, done.err)


def build(output: Path, *args: object, inputs: Sequence[object] | None = None) -> Built:
    """Build a corpus, which must succeed."""
    names = [SAMPLE / name for name in INPUTS] if inputs is None else inputs
    done = skypile("build", *names, "--output", output, *args)
    assert done.returncode == 0, done.stderr
    return Built(output)
