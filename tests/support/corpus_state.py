"""What lies in the folder of a build at some moment: nothing half-written, nothing done twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
LIGHT = Path(__file__).parents[1] / "data" / "light.yaml"
FOLDERS = ("data", "surplus", "rejected", "error")
Identity = tuple[int, int]  # inode, time of change: another one where a file was written again


def write_inputs(folder: Path) -> Path:
    """Write seven units of several kinds, with copies of documents across them, into `folder`."""
    folder.mkdir(parents=True)
    for name in ("web-en", "web-zh"):
        lines = (SAMPLE / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        half = len(lines) // 2
        (folder / f"{name}-0.jsonl").write_bytes(b"".join(lines[:half]))
        (folder / f"{name}-1.jsonl").write_bytes(b"".join(lines[half:] + lines[:3]))
    shutil.copy(SAMPLE / "crawl-broken.jsonl", folder)
    records = [json.loads(line) for line in (SAMPLE / "web-en.jsonl").read_bytes().splitlines()]
    table = pa.table({"id": [f"p{n}" for n in range(9)], "text": [r["text"] for r in records[:9]]})
    pq.write_table(table, folder / "rows.parquet")
    shutil.copytree(SAMPLE / "code" / "orbit-sim" / "src", folder / "code" / "src")
    return folder


def options(inputs: Path, output: Path, *more: object) -> list[object]:
    """Return the arguments of a build of `inputs` into `output`."""
    fixed = ["--recipe", LIGHT, "--mixture", "none", "--quiet"]
    return ["build", inputs, "--output", output, *fixed, *more]


def content(output: Path) -> dict[str, Any]:
    """Return all of a corpus that must not depend on how it came about."""
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    manifest.pop("run")
    return {"manifest": manifest} | {
        str(path.relative_to(output)): path.read_bytes()
        for folder in FOLDERS
        for path in (output / folder).rglob("*")
        if path.is_file()
    }


def identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def finished(output: Path) -> dict[Path, Identity]:
    """Return the files of all finished pieces of work, shards included, and their identities."""
    work, found = output / ".work", {}
    for entry in work.rglob("*.json"):
        told = json.loads(entry.read_text("utf-8"))
        if "files" not in told:
            continue
        paths = [entry, *(work / name for name in told["files"])]
        paths += [output / shard["path"] for shard in told["data"].get("shards", [])]
        found |= {path: identity(path) for path in paths}
    return found


def repeated(before: dict[Path, Identity], output: Path) -> list[str]:
    """Return those of the files that were there `before` which are others now, or gone."""
    return [
        str(path.relative_to(output))
        for path, then in before.items()
        if not path.exists() or identity(path) != then
    ]


def half_written(output: Path) -> list[str]:
    """Return all files that bear a final name and are not whole."""
    return [
        f"{path.relative_to(output)}: {problem}"
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.suffix != ".tmp" and (problem := _problem(path))
    ]


def _problem(path: Path) -> str | None:
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                rows = sum(batch.num_rows for batch in file.iter_batches())
                assert rows == file.metadata.num_rows
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".arrow":
            with pa.memory_map(str(path)) as source:
                pa.ipc.open_file(source).read_all()
    except (ValueError, OSError, AssertionError) as error:
        return repr(error)
    return None


def leftovers(output: Path) -> list[str]:
    """Return the names of half-written files, and of what else a build must not leave."""
    return [
        str(path.relative_to(output))
        for path in output.rglob("*")
        if path.suffix == ".tmp" or path.name in (".work", ".skypile.lock")
    ]
