"""``skypile verify``: a corpus as built is fine, and whatever is changed is named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from skypile.cli.main import run
from skypile.phases.audit import manifest_digest
from skypile.verify import verify

ZH = "data/domain=zh/part-00000.parquet"
REMOVED = "boilerplate_removed_chars"


@pytest.fixture
def copy(corpus, tmp_path) -> Path:
    """A corpus that a test may damage."""
    return Path(shutil.copytree(corpus, tmp_path / "corpus"))


def manifest(copy: Path) -> dict:
    return json.loads((copy / "manifest.json").read_text("utf-8"))


def rewrite(copy: Path, data: dict) -> None:
    data["digest"] = manifest_digest(data)
    (copy / "manifest.json").write_text(json.dumps(data), "utf-8")


def shard(data: dict, path: str) -> dict:
    return next(each for each in (*data["shards"], *data["left_out"]) if each["path"] == path)


def replace_table(copy: Path, path: str, table: pa.Table) -> None:
    """Put other rows into a file and have the manifest name its new size and hash."""
    metadata = pq.read_metadata(copy / path).metadata
    kept = {key: value for key, value in metadata.items() if key.startswith(b"skypile")}
    pq.write_table(table.replace_schema_metadata(kept), copy / path)
    data, content = manifest(copy), (copy / path).read_bytes()
    shard(data, path)["bytes"] = len(content)
    shard(data, path)["sha256"] = hashlib.sha256(content).hexdigest()
    rewrite(copy, data)


def table_of(copy: Path, path: str) -> pa.Table:
    return pq.read_table(copy / path, partitioning=None)


def problems(copy: Path) -> list[str]:
    return verify(str(copy)).problems


def test_a_corpus_as_built_is_fine(corpus, call):
    done = call("verify", corpus)
    assert done.code == 0, done.out
    assert done.out.startswith(b"OK")
    found = call("verify", corpus, "--json", "--recount").out
    told = json.loads(found)
    data = manifest(corpus)
    assert told["ok"] and told["problems"] == []
    assert told["tokens"] == sum(each["tokens"] for each in data["shards"])
    assert told["recounted"] == data["ledger"]["kept"] + data["ledger"]["surplus"]


def test_one_changed_byte_is_named(copy, call):
    content = bytearray((copy / ZH).read_bytes())
    content[len(content) // 3] ^= 1
    (copy / ZH).write_bytes(content)
    done = call("verify", copy)
    assert done.code == 1
    assert f"off: {ZH}: sha256: the manifest says " in done.out.decode()


def test_a_missing_shard_is_named_with_all_that_it_held(copy):
    (copy / ZH).unlink()
    documents = shard(manifest(copy), ZH)["documents"]
    found = problems(copy)
    assert f"{ZH}: is missing; it held {documents:,} documents" in found
    assert any(line.startswith("ledger: kept, by the footers") for line in found)
    assert f"mixture: zh: documents: the manifest says {documents}, found 0" in found


def test_files_that_nobody_wrote_are_named(copy):
    shutil.copy(copy / ZH, copy / "data/domain=zh/part-00001.parquet")
    (copy / "rejected/notes.txt").write_text("mine")
    assert problems(copy) == [
        "data/domain=zh/part-00001.parquet: the manifest does not list it",
        "rejected/notes.txt: the manifest does not list it",
    ]


def test_a_file_cut_short_is_named(copy):
    content = (copy / ZH).read_bytes()
    (copy / ZH).write_bytes(content[:-40])
    found = problems(copy)
    assert f"{ZH}: bytes: the manifest says {len(content):,}, found {len(content) - 40:,}" in found
    assert any(line.startswith(f"{ZH}: ") and "footer cannot be read" in line for line in found)


def test_a_file_that_is_no_parquet_is_named(copy):
    (copy / ZH).write_bytes(b"")
    assert any(line.startswith(f"{ZH}: ") and "cannot be read" in line for line in problems(copy))


def _set(data: dict, path: str, value: object) -> None:
    *folders, last = path.split("/")
    for name in folders:
        data = data[int(name)] if isinstance(data, list) else data[name]
    data[last] = value


@pytest.mark.parametrize(
    ("place", "change", "told"),
    [
        ("ledger/read", 1, "ledger: read"),
        ("ledger/kept", 1, "ledger: kept, by the footers"),
        ("ledger/surplus", 1, "ledger: surplus, by the footers"),
        ("ledger/rejected/wrong_language", 1, "ledger: rejected: wrong_language"),
        ("ledger/error/bad_json", -1, "ledger: error: bad_json"),
        ("ledger/by_domain/zh/kept", 1, "ledger: by_domain: zh: kept"),
        ("ledger/removed_chars/boilerplate_removed_chars", 1, "removed_chars: boilerplate_removed"),
        ("inputs/0/read", 1, "ledger: read, by the inputs' own counts"),
        ("mixture/reached/zh/documents", 1, "mixture: zh: documents"),
        ("mixture/reached/zh/tokens", 1, "mixture: zh: tokens"),
        ("mixture/reached/zh/share", 0.001, "mixture: zh: share"),
        ("mixture/reached/zh/subsets/main", 1, "mixture: zh: tokens by subset"),
        ("mixture/asked/weights/zh", 1, "mixture: zh: normalized weight"),
        ("mixture/target_tokens/zh", -100_000, "are more than the target of"),
        ("mixture/target_tokens/zh", 1_000_000, "every surplus document would fit"),
        ("shards/0/tokens", 1, "tokens: the manifest says"),
        ("shards/0/documents", 1, "documents in the footer: the manifest says"),
    ],
)
def test_a_changed_number_of_the_manifest_is_named(copy, place, change, told):
    data = manifest(copy)
    value: object = data
    for name in place.split("/"):
        value = value[int(name)] if isinstance(value, list) else value[name]
    _set(data, place, value + change)
    rewrite(copy, data)
    found = problems(copy)
    assert any(told in line for line in found), found


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("recipe/fingerprint", "0" * 64),
        ("versions/numpy", "0.1"),
        ("recipe/definition/dedup/threshold", 0.9),
        ("recipe/definition/steps/0/rules/0/min", 2.0),
    ],
)
def test_another_recipe_than_that_of_the_files_is_named(copy, place, value):
    data = manifest(copy)
    parts = place.split("/")
    inner = data
    for name in parts[:-1]:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    inner[parts[-1]] = value
    rewrite(copy, data)
    assert any("fingerprint" in line for line in problems(copy))


def test_sources_of_rules_are_no_part_of_the_fingerprint(copy):
    data = manifest(copy)
    data["recipe"]["definition"]["steps"][0]["rules"][0]["source"] = "another book"
    rewrite(copy, data)
    assert problems(copy) == []


def test_a_lost_row_is_named(copy):
    table = table_of(copy, ZH)
    replace_table(copy, ZH, table.slice(1))
    rows = table.num_rows
    assert any(f"the footer has {rows - 1} rows and counts {rows}" in p for p in problems(copy))


def test_other_texts_are_found_by_their_tokens(copy, call):
    table = table_of(copy, ZH)
    texts = [f"{text}。多出来的一句话" for text in table.column("text").to_pylist()]
    place = table.schema.get_field_index("text")
    replace_table(copy, ZH, table.set_column(place, "text", pa.array(texts)))
    told = problems(copy)
    assert len(told) == 2 and all("web-zh.jsonl#" in one for one in told)
    assert "tokens: the file says" in told[0] and "is not that of its text" in told[1]
    every = call("verify", copy, "--recount").out.decode()
    assert f"{ZH}: tokens: {table.num_rows - 5:,} more differ" in every


def test_the_ledger_sums_what_was_taken_out_of_texts_whatever_became_of_them(corpus):
    files = [corpus / each["path"] for name in ("shards", "left_out")
             for each in manifest(corpus)[name]]  # fmt: skip
    sums = [
        pc.sum(pq.read_table(path, partitioning=None).column(REMOVED)).as_py() for path in files
    ]
    assert sum(map(bool, sums)) >= 2
    assert manifest(corpus)["ledger"]["removed_chars"] == {REMOVED: sum(filter(None, sums))}


def test_another_number_of_characters_taken_out_is_named(copy):
    table = table_of(copy, ZH)
    place = table.schema.get_field_index(REMOVED)
    chars = pa.array([n + 1 for n in table.column(REMOVED).to_pylist()], pa.int64())
    replace_table(copy, ZH, table.set_column(place, REMOVED, chars))
    assert any(line.startswith(f"{ZH}: {REMOVED} in the footer") for line in problems(copy))


def test_other_token_counts_are_named(copy):
    table = table_of(copy, ZH)
    place = table.schema.get_field_index("tokens")
    tokens = [None, *table.column("tokens").to_pylist()[1:]]
    replace_table(copy, ZH, table.set_column(place, "tokens", pa.array(tokens, pa.int64())))
    assert any(line.startswith(f"{ZH}: tokens: the manifest says") for line in problems(copy))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "holds no manifest.json"),
        (b"", "manifest.json: cannot be read"),
        (b"\xff\xfe", "manifest.json: cannot be read"),
        (b"[]", "manifest.json"),
        (b'{"recipe": 3}', "manifest.json: recipe"),
    ],
)
def test_without_a_manifest_nothing_is_a_corpus(copy, call, content, told):
    (copy / "manifest.json").unlink()
    if content is not None:
        (copy / "manifest.json").write_bytes(content)
    done = call("verify", copy)
    assert done.code == 1
    assert told in done.out.decode()
    assert call("explain", copy, "--id", "x").code == 1


def test_a_folder_that_is_not_there_is_a_usage_error(call, tmp_path):
    done = call("verify", tmp_path / "nowhere")
    assert done.code == 2 and "there is no such folder" in done.err


def test_a_corpus_with_its_own_tokenizer_says_what_it_needs(copy, call):
    data = manifest(copy)
    data["recipe"]["definition"]["score"][0]["stages"][0]["tokenizer"] = "0" * 64
    rewrite(copy, data)
    assert "--tokenizer FILE" in call("verify", copy, "--json").out.decode()
    from skypile.tokens import DEFAULT_TOKENIZER

    done = call("verify", copy, "--tokenizer", DEFAULT_TOKENIZER)
    assert done.code == 2 and "is not the tokenizer of this corpus" in done.err


def test_verify_changes_nothing(copy):
    def content():
        return {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    before = content()
    assert run(["verify", str(copy)]) == 0
    assert content() == before


def test_families_beyond_the_alarm_stand_in_the_ledger(corpus):
    table = pq.read_table(corpus / "rejected")
    families = Counter(table.column("duplicate_of").drop_null().to_pylist())
    notes = [n for n in manifest(corpus)["ledger"]["notes"] if n.startswith("alarm:")]
    # The recipe's alarm is 1. Ten families are named, largest first.
    assert len(families) > 10 and len(notes) == 11
    assert notes[-1] == f"alarm: and {len(families) - 10} more such families"
    named = [name for note in notes for name in families if f"{name} stays" in note]
    sizes = [families[name] + 1 for name in named]
    assert sizes == sorted((n + 1 for n in families.values()), reverse=True)[:10]
    told = zip(sizes, notes[:10], strict=True)
    assert all(note.startswith(f"alarm: {size} documents are one family") for size, note in told)
