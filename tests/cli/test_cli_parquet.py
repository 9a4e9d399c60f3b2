"""``skypile filter`` with Parquet: rows and types as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_runs import fed, words, write_lines

SCHEMA = pa.schema(
    [
        pa.field("text", pa.large_string(), nullable=False),
        ("id", pa.int32()),
        ("when", pa.timestamp("us", tz="UTC")),
        ("tags", pa.list_(pa.string())),
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("score", pa.float32()),
    ],
    metadata={"made_by": "tests"},
)


def rows(count: int) -> list[dict]:
    return [
        {
            "text": words(9 if number % 3 else 2, number),
            "id": number,
            "when": datetime(2024, 1, 1, tzinfo=UTC),
            "tags": ["a", str(number)],
            "kind": f"kind{number % 7}",
            "score": number / 3,
        }
        for number in range(count)
    ]


def write(path, count, schema=SCHEMA, **options):
    table = pa.Table.from_pylist(rows(count), SCHEMA).select(schema.names).cast(schema)
    pq.write_table(table, path, **options)
    return path


def test_parquet_keeps_schema_types_and_rows(call, recipe, tmp_path):
    path = write(tmp_path / "in.parquet", 3000, row_group_size=700)
    out, rejected = tmp_path / "out.parquet", tmp_path / "rejected.parquet"
    done = call("filter", path, "-o", out, "--rejected", rejected, "--recipe", recipe)
    assert done.code == 0
    source, kept, rest = (pq.read_table(each) for each in (path, out, rejected))
    assert kept.schema.equals(source.schema)
    assert kept.schema.metadata[b"made_by"] == b"tests"
    assert kept.to_pylist() == [row for row in source.to_pylist() if row["id"] % 3]
    names = ["outcome", "reason", "score", "limit", "message"]
    assert rest.column_names == [*SCHEMA.names[:-1], "input_score", *names]
    first = rest.slice(0, 1).to_pylist()[0]
    assert (first["id"], first["reason"], first["score"], first["input_score"]) == (
        0, "too_short", 2.0, 0.0,
    )  # fmt: skip
    assert kept.num_rows + rest.num_rows == 3000


def test_parquet_becomes_json_lines(call, recipe, tmp_path):
    path = write(tmp_path / "in.parquet", 3)
    done = call("filter", path, "--recipe", recipe)
    assert done.records[0] == {"id": "1", "text": words(9, 1), "url": None}
    assert fed("filter", "-", "--recipe", recipe, stdin=path.read_bytes()).lines == done.lines


def test_json_lines_become_parquet(call, recipe, tmp_path):
    path = write_lines(tmp_path / "x.jsonl", [{"id": "a", "text": words(9), "extra": [1]}])
    out = tmp_path / "out.parquet"
    assert call("filter", path, "-o", out, "--recipe", recipe).code == 0
    row = pq.read_table(out).to_pylist()[0]
    assert (row["id"], row["text"], json.loads(row["meta"])) == ("a", words(9), {"extra": [1]})


def test_stdin_and_dedup_keep_the_rows(call, recipe, tmp_path):
    path = write(tmp_path / "in.parquet", 300)
    piped, deduped = tmp_path / "piped.parquet", tmp_path / "deduped.parquet"
    args = ("--recipe", recipe, "--quiet")
    assert fed("filter", "-", "-o", piped, *args, stdin=path.read_bytes()).err == ""
    copy = write(tmp_path / "copy.parquet", 300)
    assert call("filter", path, copy, "-o", deduped, "--dedup", *args).code == 0
    assert pq.read_schema(piped).equals(SCHEMA) and pq.read_schema(deduped).equals(SCHEMA)
    assert pq.read_table(piped).num_rows == 200
    assert pq.read_table(deduped).equals(pq.read_table(piped))


@pytest.mark.parametrize("other", ["x.jsonl", "narrow.parquet", "code.py"])
def test_several_formats_do_not_fit_into_one_parquet_file(call, recipe, tmp_path, other):
    path = write(tmp_path / "in.parquet", 3)
    write(tmp_path / "narrow.parquet", 3, pa.schema([("text", pa.string())]))
    write_lines(tmp_path / "x.jsonl", [{"text": "x"}])
    (tmp_path / "code.py").write_text("print(1)\n")
    out = tmp_path / "out.parquet"
    done = call("filter", path, tmp_path / other, "-o", out, "--recipe", recipe)
    assert done.code == 2
    assert "several formats" in done.err
    assert not out.exists()


def test_files_of_one_schema_go_into_one(call, recipe, tmp_path):
    one, two = write(tmp_path / "1.parquet", 30), write(tmp_path / "2.parquet", 30)
    out = tmp_path / "out.parquet"
    assert call("filter", one, two, "-o", out, "--recipe", recipe).code == 0
    assert pq.read_table(out).column("kind").to_pylist() == 2 * [
        f"kind{n % 7}" for n in range(30) if n % 3
    ]


def test_no_row_at_all_still_makes_a_file(call, recipe, tmp_path):
    path, out = write(tmp_path / "in.parquet", 0), tmp_path / "out.parquet"
    assert call("filter", path, "-o", out, "--recipe", recipe).code == 0
    assert pq.read_schema(out).equals(SCHEMA)
    assert pq.read_table(out).num_rows == 0


def test_a_damaged_file_is_an_error_row(call, recipe, tmp_path):
    path = write(tmp_path / "in.parquet", 3)
    path.write_bytes(path.read_bytes()[:-30])
    out, rejected = tmp_path / "out.parquet", tmp_path / "rejected.parquet"
    done = call("filter", path, "-o", out, "--rejected", rejected, "--recipe", recipe)
    assert done.code == 0
    assert pq.read_table(rejected).column("reason").to_pylist() == ["truncated"]
    assert pq.read_table(out).num_rows == 0
