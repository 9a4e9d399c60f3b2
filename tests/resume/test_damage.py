"""A ledger that can fail: what is lost or changed is noticed, and its unit or file is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from build_runs import Strike
from corpus_state import Identity, content, identity, options, repeated

from skypile.phases.audit import manifest_digest
from skypile.phases.work import digest

UNIT = "web-zh-1.jsonl"
ZH = "data/domain=zh/part-00000.parquet"


def entry(output: Path, name: str = UNIT) -> Path:
    """Return the entry of phase curate of the unit called `name`."""
    for path in (output / ".work" / "curate").glob("*/unit.json"):
        if json.loads(path.read_text("utf-8"))["data"]["unit"]["name"] == name:
            return path
    raise AssertionError(name)


def part(output: Path) -> Path:
    return entry(output).with_name("part-00000.parquet")


def drop_list(output: Path) -> Path:
    [path] = (output / ".work" / "pair").glob("*/drops/unit-000006.arrow")
    return path


def scores(output: Path) -> Path:
    """Return the scores of the damaged unit, told by their number."""
    rows = json.loads(entry(output).read_text("utf-8"))["data"]["open"]
    dropped = pa.ipc.open_file(drop_list(output)).read_all().column("reason").drop_null()
    every = (output / ".work" / "score").glob("*.parquet")
    [path] = [p for p in every if pq.read_metadata(p).num_rows == rows - len(dropped)]
    return path


def beside(name: str) -> Callable[[Path], Path]:
    return lambda output: entry(output).with_name(name)


def at(name: str) -> Callable[[Path], Path]:
    return lambda output: output / name


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write other rows into a Parquet file; what its footer says besides stays."""
    table = pq.ParquetFile(path).read()
    pq.write_table(change(table), path, compression="zstd")


def lose_a_row(path: Path) -> None:
    rewrite(path, lambda table: table.slice(1))


def double_a_row(path: Path) -> None:
    """Put the second row in the place of the first, so that all counts stay."""
    rewrite(path, lambda table: pa.concat_tables([table.slice(1, 1), table.slice(1)]))


def lose_a_drop(path: Path) -> None:
    table = pa.ipc.open_file(path).read_all()
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table.slice(1))


def flip(place: float) -> Callable[[Path], None]:
    """Return what changes one bit at `place` (0..1) of a file."""

    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[int(place * len(data))] ^= 1
        path.write_bytes(data)

    return change


def flip_footer(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def count_one_more(path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    told["data"]["read"] += 1
    path.write_text(json.dumps(told), "utf-8")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


# A rerun still has to do these phases; it stops before it names the first file of the place.
CURATED = ("pair", "score", "tally", "publish"), r"/curate/"
DROPPED = ("score", "tally", "publish"), r"/score/"
SCORED = ("tally", "publish"), r"/tally/"
# What is damaged, how, and where the run stands then.
WORK = {
    "a part is gone": (part, Path.unlink, SCORED),
    "a part has lost a row": (part, lose_a_row, SCORED),
    "a part has a row twice": (part, double_a_row, SCORED),
    "one bit of a part": (part, flip(0.5), SCORED),
    "signatures are gone": (beside("signatures-00000.arrow"), Path.unlink, CURATED),
    "one bit of signatures": (beside("signatures-00000.arrow"), flip(0.5), CURATED),
    "one bit of ids": (beside("ids-00000.arrow"), flip(0.5), CURATED),
    "a drop list is gone": (drop_list, Path.unlink, DROPPED),
    "a drop list has lost a row": (drop_list, lose_a_drop, SCORED),
    "scores are gone": (scores, Path.unlink, SCORED),
    "scores have lost a row": (scores, lose_a_row, SCORED),
    "one bit of scores": (scores, flip(0.3), SCORED),
}
ENTRIES = {
    "an entry counts one more": (entry, count_one_more, None),
    "an entry is cut": (entry, cut, None),
    "an entry is gone": (entry, Path.unlink, None),
}


def curated(output: Path, left_out: Path) -> dict[Path, Identity]:
    """Return what phase curate has made of all units but one."""
    folder = output / ".work" / "curate"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: identity(path) for path in files if left_out not in path.parents}


@pytest.mark.parametrize("damage", [*WORK, *ENTRIES])
def test_what_was_damaged_before_a_rerun_is_done_again(forged, inputs, expected, late, damage):
    find, harm, _ = (WORK | ENTRIES)[damage]
    others = curated(late, entry(late).parent)
    harm(find(late))
    done = forged.run(*options(inputs, late, "--keep-work"))
    assert done.code == 0, done.err
    assert content(late) == expected
    assert repeated(others, late) == []


@pytest.mark.parametrize("damage", WORK)
def test_what_is_damaged_between_two_phases_ends_the_run_and_is_named(forged, inputs, late, damage):
    find, harm, (phases, stop) = WORK[damage]
    path = find(late)
    if "curate" in stop:
        entry(late, "web-en-0.jsonl").unlink()
    for phase in phases:
        shutil.rmtree(late / ".work" / phase)
    run = forged.start(*options(inputs, late), strike=Strike(stop, signal="SIGSTOP"))
    run.wait_for_stop()
    harm(path)
    run.go_on()
    ended = run.wait()
    assert ended.code == 1
    assert UNIT in ended.err or str(path) in ended.err
    assert len(ended.err.splitlines()) <= 2  # the other one: a file of the sample is broken
    assert not (late / "manifest.json").exists()


def test_a_record_that_is_lost_while_every_hash_agrees_is_missed(forged, inputs, late):
    path, told = part(late), json.loads(entry(late).read_text("utf-8"))
    rewrite(path, lambda table: table.slice(0, len(table) - 1))
    [name] = [name for name in told["files"] if name.endswith(path.name)]
    data = path.read_bytes()
    told["files"][name] = [len(data), xxhash.xxh3_128_hexdigest(data)]
    told["hash"] = digest(told["files"], told["data"])
    entry(late).write_text(json.dumps(told), "utf-8")
    ended = forged.run(*options(inputs, late))
    read = told["data"]["read"]
    assert ended.code == 1
    assert f"{UNIT}: {read} records were read, {read - 1} came out" in ended.err
    assert not (late / "manifest.json").exists()


CORPUS = {
    "a shard is gone": (at(ZH), Path.unlink),
    "a shard has lost a row": (at(ZH), lose_a_row),
    "a shard has a row twice": (at(ZH), double_a_row),
    "one bit of a shard's pages": (at(ZH), flip(0.4)),
    "one bit of a shard's footer": (at(ZH), flip_footer),
    "a shard is cut": (at(ZH), cut),
    "rejected documents are gone": (at("rejected/part-00000.parquet"), Path.unlink),
    "one bit of the errors": (at("error/part-00000.parquet"), flip(0.5)),
}


@pytest.mark.parametrize("damage", CORPUS)
def test_verify_names_the_file_that_was_damaged(undisturbed, tmp_path, verified, damage):
    find, harm = CORPUS[damage]
    output = Path(shutil.copytree(undisturbed, tmp_path / "out"))
    assert verified(output) == ""
    harm(find(output))
    assert f"off: {find(output).relative_to(output)}: " in verified(output)


@pytest.mark.parametrize("damage", [name for name in CORPUS if "shard" in name])
def test_a_shard_that_was_damaged_before_a_rerun_is_written_again(
    forged, inputs, expected, late, damage
):
    find, harm = CORPUS[damage]
    harm(find(late))
    done = forged.run(*options(inputs, late))
    assert done.code == 0, done.err
    assert content(late) == expected


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (Path.unlink, "this file is gone"),
        (lose_a_row, "the footer has"),
        (flip_footer, "Parquet footer cannot be read"),
        (double_a_row, "bytes written"),
    ],
)
def test_a_shard_that_is_damaged_before_the_audit_ends_the_run(forged, inputs, late, harm, told):
    shutil.rmtree(late / ".work" / "publish")
    strike = Strike(r"/publish/.+\.json$", signal="SIGSTOP")
    run = forged.start(*options(inputs, late), strike=strike)
    run.wait_for_stop()
    harm(late / ZH)
    run.go_on()
    ended = run.wait()
    assert ended.code == 1
    assert ZH in ended.err and told in ended.err
    assert not (late / "manifest.json").exists()


COUNTS = {
    "ledger/read": "ledger: read",
    "ledger/kept": "ledger: kept, by the footers",
    "ledger/rejected/near_duplicate": "ledger: rejected: near_duplicate",
    "ledger/error/bad_json": "ledger: error: bad_json",
    "ledger/by_domain/zh/kept": "ledger: by_domain: zh: kept",
    "inputs/6/read": f"{UNIT}: 51 records were read, 50 are in the files of the corpus",
    "inputs/0/read": "units of many files: ",
    "inputs/6/size": "manifest.json: digest",
    "mixture/reached/zh/tokens": "mixture: zh: tokens",
    "shards/0/documents": "data/domain=code/part-00000.parquet: documents",
    "left_out/0/bytes": "error/part-00000.parquet: bytes",
}


@pytest.mark.parametrize("place", COUNTS)
def test_verify_names_a_number_that_was_changed(
    forged, inputs, undisturbed, tmp_path, place, verified
):
    output = Path(shutil.copytree(undisturbed, tmp_path / "out"))
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    *steps, last = [int(step) if step.isdigit() else step for step in place.split("/")]
    inner = manifest
    for step in steps:
        inner = inner[step]
    inner[last] += 1
    (output / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert COUNTS[place] in verified(output)


def test_verify_names_inputs_whose_counts_were_exchanged(undisturbed, tmp_path, verified):
    output = Path(shutil.copytree(undisturbed, tmp_path / "out"))
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    manifest["inputs"][5]["read"] += 1
    manifest["inputs"][6]["read"] -= 1
    manifest["digest"] = manifest_digest(manifest)
    (output / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    told = verified(output)
    assert "web-zh-0.jsonl: " in told and "web-zh-1.jsonl: " in told


def test_verify_misses_an_input_that_was_taken_from_the_list(undisturbed, tmp_path, verified):
    output = Path(shutil.copytree(undisturbed, tmp_path / "out"))
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    manifest["inputs"].pop()
    manifest["digest"] = manifest_digest(manifest)
    (output / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert "ledger: read, by the inputs' own counts" in verified(output)
