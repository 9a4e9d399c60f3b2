"""``skypile dedup``: what is kept, what is rejected and for whom, and how that is told."""

from __future__ import annotations

import io
import json
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from cli_runs import words, write_lines
from signals import Watched

from skypile.cli.curated import Piece
from skypile.cli.documents import Documents
from skypile.cli.waiting import Waiting
from skypile.dedup.earlier import EarlierDocuments
from skypile.io.units import plan_units

LONG, NEAR = words(60), words(60).replace("word59", "end")
ZH = "春天来了，河边的柳树发芽，孩子们在草地上放风筝，老人坐在长椅上晒太阳，渔夫把小船推进水里。"
TEXTS = (
    LONG,
    words(30, 100),
    NEAR,
    LONG.upper(),
    ZH,
    ZH.replace("，", " ，"),
    "",
    "short",
    "short",
)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Documents of which four are duplicates, and one that cannot be read."""
    rows: list[dict] = [
        {"id": f"d{number % 4}", "text": text, "date": f"2020-01-{number + 1:02}"}
        for number, text in enumerate(TEXTS)
    ]
    return write_lines(tmp_path / "x.jsonl", [*rows, {"id": "e"}])


def rows_of(path: Path) -> list[dict]:
    data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes())).read()
    return [json.loads(line) for line in data.splitlines()]


def report_of(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


def test_duplicates_go_aside_and_name_what_stays(call, inputs, tmp_path):
    out, pairs = tmp_path / "out", tmp_path / "pairs.parquet"
    done = call("dedup", inputs, "--output", out, "--pairs", pairs)
    assert (done.code, done.out.decode()) == (0, f"{out}/report.json\n")
    assert "exact_duplicate" in done.err and "could not be read" in done.err
    kept = rows_of(out / "kept.jsonl.zst")
    assert [row["text"] for row in kept] == [LONG, TEXTS[1], TEXTS[5], "", "short"]
    rejected = rows_of(out / "rejected.jsonl.zst")
    assert [(row["reason"], row.get("duplicate_of")) for row in rejected] == [
        ("near_duplicate", "x.jsonl#0"),
        ("exact_duplicate", "x.jsonl#0"),
        ("exact_duplicate", "x.jsonl#5"),
        ("exact_duplicate", "x.jsonl#7"),
        ("bad_text_type", None),
    ]
    assert rejected[0]["score"] >= rejected[0]["limit"] == 0.8
    report = report_of(out)
    assert report["ledger"]["rejected"] == {"exact_duplicate": 3, "near_duplicate": 1}
    assert report["duplicates"]["families"] == 3 and report["duplicates"]["largest_family"] == 3
    assert report["sources"]["x.jsonl"] == {
        "read": 10, "exact_duplicate": 3, "near_duplicate": 1, "url_duplicate": 0,
    }  # fmt: skip
    table = pq.read_table(pairs)
    assert table.column_names == ["kept_id", "dropped_id", "jaccard_estimate", "jaccard"]
    found = table.to_pylist()
    # d0 to d3 stand four times: all but the first are told by their record.
    assert [(row["kept_id"], row["dropped_id"]) for row in found] == [
        ("d0", "d2"), ("d0", "d3"), ("x.jsonl#5", "x.jsonl#4"), ("x.jsonl#7", "x.jsonl#8"),
    ]  # fmt: skip
    assert found[0]["jaccard"] is None and 0.92 < found[0]["jaccard_estimate"] < 1
    assert [(row["jaccard"], row["jaccard_estimate"]) for row in found[1:]] == [(1, 1)] * 3


def test_filter_and_dedup_find_the_same(call, inputs, tmp_path):
    recipe = tmp_path / "all.yaml"
    recipe.write_text("name: all\nsteps:\n- stages: [counts]\n", "utf-8")
    args = ("--recipe", recipe, "--dedup", "--threshold", "0.5", "--explain")
    shown = call("filter", inputs, *args).records
    call("dedup", inputs, "--output", tmp_path / "out", "--threshold", "0.5")
    rejected = rows_of(tmp_path / "out" / "rejected.jsonl.zst")
    told = [(row["reason"], row.get("duplicate_of"), row["score"]) for row in rejected]
    assert told == [
        (row["reason"], row.get("duplicate_of"), row["score"])
        for row in shown if row["outcome"] != "kept"
    ]  # fmt: skip
    assert call("filter", inputs, "--threshold", "0.5").code == 2


def test_no_member_of_a_family_stays_if_none_is_to(call, inputs, tmp_path):
    out = tmp_path / "out"
    assert call("dedup", inputs, "--output", out, "--drop-all-copies").code == 0
    assert [row["text"] for row in rows_of(out / "kept.jsonl.zst")] == [TEXTS[1], ""]
    rejected = rows_of(out / "rejected.jsonl.zst")
    # The one that would stay names the most similar copy: the exact one, not the near one.
    assert rejected[0]["text"] == LONG
    assert (rejected[0]["reason"], rejected[0]["duplicate_of"]) == ("exact_duplicate", "x.jsonl#3")


def test_a_report_alone_writes_no_documents_and_finds_the_same(call, inputs, tmp_path):
    out = tmp_path / "out"
    done = call("dedup", inputs, "--output", out, "--report-only", "--alarm", 2, "--quiet")
    assert [path.name for path in out.iterdir()] == ["report.json"]
    alarm = done.err.splitlines()
    assert len(alarm) == 1 and "3 documents" in alarm[0] and "x.jsonl#0 stays" in alarm[0]
    report = report_of(out)
    assert alarm[0] in report["ledger"]["notes"]
    call("dedup", inputs, "--output", tmp_path / "whole", "--alarm", 2)
    assert report_of(tmp_path / "whole") == report


def test_the_stated_copy_stays_for_any_order_of_arguments(call, inputs, tmp_path):
    other = write_lines(tmp_path / "y.jsonl", [{"id": "new", "text": LONG, "date": "2021-06-01"}])
    found = []
    for number, given in enumerate([(inputs, other), (other, inputs)]):
        out = tmp_path / f"out{number}"
        assert call("dedup", *given, "--output", out, "--prefer", "meta.date:desc").code == 0
        rejected = rows_of(out / "rejected.jsonl.zst")
        found.append(sorted((row.get("text", ""), row.get("duplicate_of", "")) for row in rejected))
    assert found[0] == found[1]
    assert (LONG, "y.jsonl#0") in found[0] and (ZH, "x.jsonl#5") in found[0]


def test_rows_of_parquet_keep_their_columns(call, tmp_path):
    table = pa.table({"text": TEXTS[:4], "more": pa.array(range(4), pa.int8())})
    for name in ("a", "b"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    out = tmp_path / "out"
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    assert call("dedup", *files, "--output", out, "--threshold", 1).code == 0
    kept = pq.read_table(out / "kept.parquet")
    assert kept.schema.equals(table.schema)
    assert kept.column("more").to_pylist() == [0, 1, 2]
    rejected = pq.read_table(out / "rejected.parquet")
    assert rejected.column("duplicate_of").to_pylist() == [
        "a.parquet#0", "a.parquet#0", "a.parquet#1", "a.parquet#2", "a.parquet#0",
    ]  # fmt: skip
    # Another run in another format leaves nothing of this one.
    lines = write_lines(tmp_path / "x.jsonl", [{"text": "a"}])
    assert call("dedup", lines, "--output", out).code == 2
    assert call("dedup", lines, "--output", out, "--overwrite").code == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["kept.jsonl.zst", "rejected.jsonl.zst", "report.json"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--threshold", "0"], "above 0 and up to 1"),
        (["--prefer", "quality"], "give quality:asc or quality:desc"),
        (["--prefer", "lenght:asc"], "did you mean 'length'?"),
        (["--prefer", "url:asc"], "holds string"),
        (["--prefer", "source,source"], "stands twice"),
        (["--alarm", "0"], "--alarm is 0"),
        (["--pairs", "pairs.csv"], "ends in .parquet"),
        (["--report-ony"], "did you mean --report-only?"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(call, inputs, tmp_path, args, told):
    done = call("dedup", inputs, "--output", tmp_path / "out", *args)
    assert done.code == 2 and told in done.err
    assert not (tmp_path / "out").exists()


def test_the_output_may_not_lie_in_the_input(call, inputs, tmp_path):
    done = call("dedup", tmp_path, "--output", tmp_path / "out")
    assert done.code == 2 and "would become its own input" in done.err


def test_an_interrupted_run_leaves_the_folder_as_it_was(tmp_path):
    many = write_lines(tmp_path / "many.jsonl", ({"text": words(9, n)} for n in range(100_000)))
    out = tmp_path / "out"
    watched = Watched("dedup", many, "--output", out)
    watched.when(lambda: list(out.glob("kept*")))
    code, shown, told = watched.send(signal.SIGINT).end()
    assert (code, shown) == (130, b"")
    assert f"interrupted before the end: {out} is as before" in told
    assert list(out.iterdir()) == []


def test_what_waits_on_disk_takes_no_memory_and_is_found_by_address(inputs):
    unit = plan_units([str(inputs)]).units[0]
    texts = [f"{n} {'x' * 500_000}" for n in range(40)]
    before = pa.total_allocated_bytes()
    with Waiting() as waiting:
        for start in range(0, 40, 2):
            batch = pa.RecordBatch.from_pydict(
                {
                    "row": pa.array([start, start + 1], pa.uint32()),
                    "id": pa.array([f"d{start}", "twice"]),
                    "record": pa.array([f"x#{start}", f"x#{start + 1}"]),
                    "text": pa.array(texts[start : start + 2]),
                    "outcome": pa.array([None, "rejected" if start == 4 else None], pa.string()),
                }
            )
            waiting.add(Piece(3, unit, batch, None))
        del batch
        assert pa.total_allocated_bytes() - before < 2_000_000 < sum(map(len, texts)) / 9
        asked = np.array([3 << 32, 3 << 32 | 1, 3 << 32 | 4, 3 << 32 | 39], np.uint64)
        assert waiting.texts(asked) == [texts[n].encode() for n in (0, 1, 4, 39)]
        documents = Documents(waiting, EarlierDocuments({}))
        assert list(documents.unique_ids(asked).values()) == ["d0", "twice", "d4", "x#39"]
        assert [piece.batch.column("text").to_pylist() for piece in waiting] == [
            texts[start : start + 2] for start in range(0, 40, 2)
        ]


def test_new_documents_go_against_earlier_ones_which_stay(call, tmp_path):
    old = write_lines(
        tmp_path / "old.jsonl",
        [
            {"id": "o1", "text": NEAR},
            {"id": "o2", "text": LONG},  # a near duplicate of o1, and yet it stays
            {"id": "o3", "text": ZH},
            {"id": "o4", "text": ZH},
        ],
    )
    new = write_lines(
        tmp_path / "new.jsonl",
        [
            {"id": "n1", "text": LONG.upper()},
            {"id": "n2", "text": ZH + "他们笑了。"},
            {"id": "n3", "text": words(40, 300)},
            {"id": "n4", "text": words(40, 300)},
            {"id": "n5", "text": words(30, 500)},
        ],
    )
    out, pairs = tmp_path / "out", tmp_path / "pairs.parquet"
    done = call("dedup", new, "--against", old, "--output", out, "--pairs", pairs)
    assert done.code == 0, done.err
    assert "compared with 4 earlier documents" in done.err
    assert [row["id"] for row in rows_of(out / "kept.jsonl.zst")] == ["n3", "n5"]
    gone = {row["id"]: row for row in rows_of(out / "rejected.jsonl.zst")}
    assert {name: row["duplicate_of"] for name, row in gone.items()} == {
        "n1": "against/old.jsonl#1", "n2": "against/old.jsonl#2", "n4": "new.jsonl#2",
    }  # fmt: skip
    assert gone["n1"]["reason"] == "exact_duplicate" and gone["n2"]["reason"] == "near_duplicate"
    found = pq.read_table(pairs).to_pylist()
    assert {(row["kept_id"], row["dropped_id"]) for row in found} == {
        ("o2", "n1"), ("o3", "n2"), ("n3", "n4"),
    }  # fmt: skip
    report = report_of(out)
    assert report["against"] == {"inputs": [str(old)], "documents": 4, "matched": 2}
    assert report["ledger"]["read"] == 5

    # What that run kept, as a whole folder, is what a third one goes against.
    third = call("dedup", new, "--against", out, "--against", old, "--output", tmp_path / "third")
    assert third.code == 0, third.err
    assert rows_of(tmp_path / "third" / "kept.jsonl.zst") == []
    assert "compared with 6 earlier documents" in third.err

    filtered = tmp_path / "left.jsonl"
    recipe = tmp_path / "r.yaml"
    recipe.write_text("steps: [{stages: [{stage: counts}]}]\n")
    done = call(
        "filter", new, "--recipe", recipe, "--dedup", "--against", old, "-o", filtered, "--quiet"
    )
    assert done.code == 0, done.err
    assert [json.loads(line)["id"] for line in filtered.read_text().splitlines()] == ["n3", "n5"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("dedup", "--against", "-"), "earlier documents cannot be read from stdin"),
        (("dedup", "--against", "nowhere.jsonl"), "nowhere.jsonl"),
        (("filter", "--against", "x.jsonl", "-o", "y.jsonl"), "add it"),
    ],
)
def test_earlier_documents_that_cannot_be(call, inputs, tmp_path, args, told):
    command, *rest = args
    output = ["--output", tmp_path / "out"] if command == "dedup" else []
    done = call(command, inputs, *output, *rest)
    assert done.code == 2 and told in done.err
    assert not (tmp_path / "out" / "report.json").exists()
