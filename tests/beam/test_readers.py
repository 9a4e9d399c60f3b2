"""A corpus is read by others as it is: all rows, all columns, what the shards say of themselves."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import beam_corpus
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import skypile
from skypile.phases.publish import output_schema
from skypile.recipe import load_recipe, versions
from skypile.stages.normalize import Normalize

ROOT = Path(__file__).parents[2]
FOLDERS = ("data", "surplus", "rejected", "error")
# `datasets` reads its settings when it is imported, so it runs in a process of its own.
LOAD = """
import sys
from datasets import load_dataset
corpus, cache, out = sys.argv[1:]
for folder in ("data", "surplus", "rejected", "error"):
    found = load_dataset("parquet", data_dir=f"{corpus}/{folder}", cache_dir=cache)
    assert list(found) == ["train"], found
    found["train"].to_parquet(f"{out}/{folder}.parquet")
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    home = str(tmp_path_factory.mktemp("hf"))
    return os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": home}


def table(built, folder: str) -> pa.Table:
    """The rows as they were written, file by file."""
    files = sorted((built.path / folder).rglob("*.parquet"))
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def in_order(found: pa.Table) -> list[dict[str, object]]:
    """Rows by record, with None for NaN, which equals nothing."""
    rows = [
        {name: None if _is_nan(value) else value for name, value in row.items()}
        for row in found.to_pylist()
    ]
    return sorted(rows, key=lambda row: row["record"])


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def arrow(frame: pl.DataFrame, like: pa.Table) -> pa.Table:
    return frame.to_arrow().select(like.column_names).cast(like.schema)


def test_shards_have_the_types_of_the_schema_and_none_is_null(built):
    recipe = load_recipe("web")
    for folder in FOLDERS:
        schema = output_schema(recipe, folder)
        assert not [field.name for field in schema if pa.types.is_null(field.type)]
        for shard in (built.path / folder).rglob("*.parquet"):
            assert pq.read_schema(shard).equals(schema), shard
    empty = [name for name in schema.names if not has_values(table(built, "error"), name)]
    assert {"text", "tokens", "language"} <= set(empty)


def has_values(found: pa.Table, name: str) -> bool:
    return found.column(name).null_count < found.num_rows


def test_polars_reads_every_folder(built):
    for folder in FOLDERS:
        written = table(built, folder)
        pattern = built.path / folder / ("*/*.parquet" if folder == "data" else "*.parquet")
        found = pl.scan_parquet(pattern, hive_partitioning=folder == "data").collect()
        assert found.schema["domain"] == pl.String
        assert in_order(arrow(found, written)) == in_order(written)
    whole = pl.scan_parquet(built.path / "data")
    chinese = whole.filter(pl.col("domain") == "zh").collect()
    assert set(chinese["domain"]) == {"zh"} and len(chinese) > 10


def test_duckdb_reads_every_folder(built):
    for folder in FOLDERS:
        written = table(built, folder)
        pattern = built.path / folder / ("*/*.parquet" if folder == "data" else "*.parquet")
        asked = f"read_parquet('{pattern}', hive_partitioning={str(folder == 'data').lower()})"
        found = duckdb.sql(f"SELECT * FROM {asked}").to_arrow_table()
        assert found.schema.field("domain").type == pa.string()
        assert in_order(found.select(written.column_names)) == in_order(written)


def test_pyarrow_and_pandas_read_every_folder(built):
    for folder in FOLDERS:
        written = in_order(table(built, folder))
        dataset = ds.dataset(built.path / folder, format="parquet", partitioning="hive")
        assert dataset.schema.field("domain").type == pa.string()
        assert in_order(dataset.to_table()) == written
        assert in_order(pq.read_table(built.path / folder, partitioning=None)) == written
        frame = pd.read_parquet(built.path / folder, partitioning=None, dtype_backend="pyarrow")
        assert frame.dtypes["domain"] == pd.ArrowDtype(pa.string())
        assert in_order(pa.Table.from_pandas(frame)) == written
    shard = next(built.path.glob("data/domain=zh/*.parquet"))
    assert set(pd.read_parquet(shard)["domain"]) == {"zh"}


def test_tokens_by_domain_are_those_of_the_manifest(built):
    told = {n: one["tokens"] for n, one in built.manifest["mixture"]["reached"].items()}
    pattern = built.path / "data" / "*" / "*.parquet"
    frame = pl.scan_parquet(pattern, hive_partitioning=True).group_by("domain")
    assert dict(frame.agg(pl.col("tokens").sum()).collect().iter_rows()) == told
    asked = f"SELECT domain, sum(tokens) FROM '{pattern}' GROUP BY domain"
    assert {name: int(tokens) for name, tokens in duckdb.sql(asked).fetchall()} == told


def test_datasets_reads_every_folder_offline(built, tmp_path, offline):
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-W", "error", "-c", LOAD, built.path, tmp_path / "cache", out]
    done = subprocess.run(command, env=offline, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for folder in FOLDERS:
        written = table(built, folder)
        found = pq.read_table(out / f"{folder}.parquet")
        assert found.schema.field("domain").type == pa.string()
        assert found.schema.names == written.schema.names
        assert in_order(found) == in_order(written)


def test_what_was_left_out_says_why(built):
    rejected = pl.read_parquet(built.path / "rejected" / "*.parquet")
    assert (
        dict(rejected["reason"].value_counts().iter_rows())
        == (built.manifest["ledger"]["rejected"])
    )
    assert rejected.filter(pl.col("text").is_null()).is_empty()
    error = pl.read_parquet(built.path / "error" / "*.parquet")
    assert error.schema["raw"] == pl.Binary and error["raw"].null_count() == 0
    assert error.filter(pl.col("reason") == "bad_utf8").height == 2
    inputs = Path(skypile.__file__).parent / "sample" / "crawl-broken.jsonl"
    assert all(raw in inputs.read_bytes() for raw in error["raw"])


def test_chinese_text_is_the_text_that_was_read(built):
    source = Path(skypile.__file__).parent / "sample" / "web-zh.jsonl"
    read = {}
    for line in source.read_bytes().splitlines():
        one = json.loads(line)
        read.setdefault(one.get("id"), one["text"])
    # As the recipe's first stage leaves them.
    batch = pa.table({"text": list(read.values()), "prog_lang": pa.nulls(len(read), pa.string())})
    texts = Normalize()(batch.to_batches()[0])["text"].to_pylist()
    read = dict(zip(read, texts, strict=True))
    pattern = built.path / "data" / "domain=zh" / "*.parquet"
    rows = duckdb.sql(f"SELECT id, text FROM '{pattern}' WHERE record LIKE 'web-zh%'").fetchall()
    assert len(rows) > 10
    assert all(read[name] == text for name, text in rows)


def own_metadata(shard: Path) -> dict[str, str]:
    found = pq.read_metadata(shard).metadata
    return {k.decode(): v.decode() for k, v in found.items() if k.startswith(b"skypile.")}


def test_every_shard_carries_fingerprint_and_versions(built):
    recipe = load_recipe("web")
    models = {"lid176", "tokenizer", "model"}
    for shard in built.manifest["shards"] + built.manifest["left_out"]:
        path = built.path / shard["path"]
        told = own_metadata(path)
        assert told["skypile.version"] == skypile.__version__
        assert told["skypile.recipe"] == "web"
        assert told["skypile.fingerprint"] == built.manifest["recipe"]["fingerprint"]
        assert json.loads(told["skypile.versions"]) == versions() == built.manifest["versions"]
        stages = json.loads(told["skypile.stages"])
        assert stages == [
            stage.fingerprint_data()
            for step in (*recipe.steps, *recipe.score)
            for stage in step.stages
        ]
        hashes = {key: one[key] for one in stages for key in one if key in models}
        assert set(hashes) == models and all(len(value) == 64 for value in hashes.values())
        documents = sum(count for *_, count in json.loads(told["skypile.counts"]))
        assert documents == shard["documents"]
        asked = f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{path}')"
        assert told.items() <= dict(duckdb.sql(asked).fetchall()).items()
        assert told.items() <= pl.read_parquet_metadata(path).items()


@pytest.mark.parametrize("document", ["docs/reading.md"])
def test_examples_of_the_documents_hold_as_they_stand(built, tmp_path, offline, document):
    (tmp_path / "corpus").symlink_to(built.path)
    lines = (ROOT / document).read_text("utf-8").splitlines()
    # A fence would be taken for a part of what the example prints.
    plain = ["" if line.startswith("```") else line for line in lines]
    (tmp_path / "examples.txt").write_text("\n".join(plain), "utf-8")
    command = [sys.executable, "-W", "error", "-m", "doctest", "-o", "ELLIPSIS", "examples.txt"]
    done = subprocess.run(
        command, cwd=tmp_path, env=offline, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(line.startswith(">>> ") for line in plain) > 20


def test_a_corpus_is_what_new_documents_go_against(built, tmp_path):
    done = beam_corpus.skypile(
        "dedup", beam_corpus.SAMPLE / "web-zh.jsonl", "--against", built.path, "--quiet",
        "--output", tmp_path / "out", "--pairs", tmp_path / "pairs.parquet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    kept = built.rows(["outcome"])
    assert report["against"]["documents"] == sum(row["outcome"] == "kept" for row in kept)
    rows = duckdb.sql(f"SELECT kept_id FROM '{tmp_path}/pairs.parquet'").fetchall()
    ids = {row["id"] for row in built.rows(["id"])}
    assert report["against"]["matched"] > 10 and {name for (name,) in rows} <= ids
