"""New documents against an earlier corpus: by its index, by its texts, in a build and without."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from beam_corpus import SAMPLE, Built, build, skypile
from build_runs import Strike, shared_forge
from s3_server import Bucket

from skypile.dedup.earlier import EarlierDocuments, earlier_sets, labels
from skypile.dedup.index import Drawn, index_batches
from skypile.dedup.settings import Dedup
from skypile.errors import InputError, SkyPileError, UsageError
from skypile.explain.account import account
from skypile.explain.lookup import find
from skypile.forget import Wanted, forget
from skypile.io.store import Store
from skypile.phases.audit import manifest_digest
from skypile.phases.reindex import reindex
from skypile.verify import verify
from skypile.verify.earlier import open_corpora
from skypile.verify.manifest import read_manifest

RECIPE = """
name: against
steps:
  - stages: [counts, language]
    rules:
      - {reason: empty, column: chars_count, min: 1, source: this test}
      - {reason: wrong_language, column: domain, in: [en, zh, code], source: this test}
"""
NAMES = ("web-en", "web-zh")
COLUMNS = ("id", "record", "outcome", "reason", "reason_score", "duplicate_of")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "against.yaml"
    path.write_text(RECIPE, "utf-8")
    return path


@pytest.fixture(scope="module")
def options(recipe: Path) -> tuple[object, ...]:
    return ("--recipe", recipe, "--mixture", "none", "--quiet")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    """Files of earlier documents, and files of new ones, some of which are copies of these."""
    folder = tmp_path_factory.mktemp("inputs")
    old, new = [], []
    for name in NAMES:
        rows = [json.loads(line) for line in (SAMPLE / f"{name}.jsonl").read_bytes().splitlines()]
        old.append(_write(folder / f"{name}-old.jsonl", rows[:40]))
        new.append(_write(folder / f"{name}-new.jsonl", [*rows[30:], *map(_edited, rows[:6])]))
    return old, new


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def _edited(row: dict[str, Any]) -> dict[str, Any]:
    """Return a document with something else at its end."""
    end = "潮水退去之后。" if ord(row["text"][0]) > 0x2E80 else " as the tide went out."
    return {**row, "id": f"near-{row['id']}", "text": row["text"][:-20] + end}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory, inputs, options) -> Built:
    """An earlier corpus with its index; tests change nothing in it."""
    return build(tmp_path_factory.mktemp("earlier") / "out", *options, inputs=inputs[0])


@pytest.fixture(scope="module")
def later(tmp_path_factory, inputs, options, earlier) -> Built:
    """A corpus that was compared with the earlier one; tests change nothing in it."""
    output = tmp_path_factory.mktemp("later") / "out"
    return build(output, *options, "--against", earlier.path, inputs=inputs[1])


@pytest.fixture
def copy(earlier, tmp_path) -> Callable[[], Built]:
    def copied() -> Built:
        return Built(Path(shutil.copytree(earlier.path, tmp_path / "copy")))

    return copied


def files_of(corpus: Path) -> dict[str, bytes]:
    """Return the content of the shards and the index."""
    return {
        str(path.relative_to(corpus)): path.read_bytes()
        for folder in ("data", "index", "rejected")
        for path in sorted((corpus / folder).rglob("*.*"))
    }


def without_index(corpus: Built) -> Built:
    """Make of `corpus` what a build of an earlier version would have left."""
    shutil.rmtree(corpus.path / "index")
    manifest = corpus.manifest
    for shard in manifest["shards"]:
        del shard["index"]
    return _with_manifest(corpus, manifest)


def _with_manifest(corpus: Built, manifest: dict[str, Any]) -> Built:
    manifest["digest"] = manifest_digest(manifest)
    Store(str(corpus.path)).write_json("manifest.json", manifest)
    return corpus


def signatures_in(corpus: Path) -> int:
    """Return how many documents have a signature in the index."""
    number = 0
    for path in (corpus / "index").rglob("*.arrow"):
        with pa.memory_map(str(path)) as source:
            number += sum(batch.num_rows for batch in index_batches(source, "")[1])
    return number


def test_a_build_rejects_what_an_earlier_corpus_holds_and_names_it(earlier, later):
    kept = {row["record"]: row for row in earlier.rows(COLUMNS) if row["outcome"] == "kept"}
    named = [r for r in later.rows(COLUMNS) if (r["duplicate_of"] or "").startswith("against/")]
    assert all(row["duplicate_of"].removeprefix("against/") in kept for row in named)
    near = {row["id"]: row for row in named if row["id"].startswith("near-")}
    assert len(near) >= 10 and {row["reason"] for row in near.values()} == {"near_duplicate"}
    of_row = {row["record"]: row["id"] for row in kept.values()}
    assert all(
        of_row[row["duplicate_of"].removeprefix("against/")] == name.removeprefix("near-")
        for name, row in near.items()
    )
    assert sum(row["reason"] == "exact_duplicate" for row in named) >= 15
    told = later.manifest["against"]
    assert [(one["path"], one["documents"], one["matched"]) for one in told] == [
        (str(earlier.path), len(kept), len(named))
    ]
    assert told[0]["recipe"] == earlier.manifest["recipe"]["fingerprint"]
    note = f"{len(named)} documents are duplicates of its {len(kept)}"
    assert any(note in one for one in later.manifest["ledger"]["notes"])
    assert verify(str(later.path), recount=True).problems == []


@pytest.mark.parametrize("by_index", [True, False], ids=["by its index", "signed again"])
def test_the_filter_finds_the_same(later, inputs, recipe, earlier, copy, by_index, tmp_path):
    against = earlier if by_index else without_index(copy())
    rejected, kept = tmp_path / "rejected.jsonl", tmp_path / "kept.jsonl"
    ledger = tmp_path / "ledger.json"
    done = skypile(
        "filter", *inputs[1], "--recipe", recipe, "--dedup", "--against", against.path,
        "-o", kept, "--rejected", rejected, "--ledger", ledger, "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    notes = " ".join(json.loads(ledger.read_text("utf-8"))["notes"])
    assert ("compared by its index" in notes) == by_index
    assert ("signed again" in notes and "skypile index" in notes) != by_index
    found = [json.loads(line) for line in rejected.read_text("utf-8").splitlines()]
    told = [(r.get("text"), r["reason"], r.get("duplicate_of"), r.get("score")) for r in found]
    columns = ("text", "reason", "duplicate_of", "reason_score")
    rows = [row for row in later.rows((*columns, "outcome")) if row["outcome"] != "kept"]
    assert sorted(map(repr, told)) == sorted(repr(tuple(row[c] for c in columns)) for row in rows)
    assert len(kept.read_text("utf-8").splitlines()) == len(later.rows(["id"])) - len(rows)


def test_pairs_urls_and_scopes_are_the_same_by_index_and_signed_again(
    inputs, earlier, copy, tmp_path
):
    plain, found = without_index(copy()), []
    for number, corpus in enumerate((earlier, plain)):
        out, pairs = tmp_path / f"out{number}", tmp_path / f"{number}.parquet"
        done = skypile(
            "dedup", *inputs[1], "--against", corpus.path, "--output", out, "--pairs", pairs,
            "--levels", "url,exact,near", "--within", "site", "--quiet",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads((out / "report.json").read_text("utf-8"))
        found.append((told["against"]["matched"], told["duplicates"], pq.read_table(pairs)))
    assert found[0] == found[1] and found[0][0] >= 20


def test_killed_it_goes_on_with_two_workers_and_the_same_bytes(
    inputs, options, earlier, later, tmp_path
):
    output = tmp_path / "out"
    command = ("build", *inputs[1], "--output", output, *options)
    with_it = (*command, "--against", earlier.path)
    strike = Strike(r"/index/domain=en/part-00000\.arrow$")
    assert shared_forge().run(*with_it, strike=strike).code == -9
    other = skypile(*command)
    assert other.returncode == 2 and "other earlier corpora (--against)" in other.stderr
    # Without an index nothing of the one that was begun stays.
    plain = shutil.copytree(output, tmp_path / "plain")
    assert list(plain.glob("index/*/*.arrow"))
    done = skypile(*(plain if one is output else one for one in with_it), "--no-index")
    assert done.returncode == 0, done.stderr
    shards = {name: data for name, data in files_of(later.path).items() if "index" not in name}
    assert files_of(plain) == shards
    assert not any("index" in shard for shard in Built(plain).manifest["shards"])
    done = skypile(*with_it, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert files_of(output) == files_of(later.path)
    assert Built(output).same_bytes() == later.same_bytes()


@pytest.mark.parametrize(
    ("change", "raised", "said"),
    [
        (without_index, InputError, "holds no index .* skypile index .* gives it one"),
        (lambda corpus: _flip(corpus), InputError, "is not what the manifest names; skypile index"),
        (lambda corpus: _lose(corpus), InputError, "is gone.* skypile index .* draws it anew"),
        (lambda corpus: shutil.rmtree(corpus.path), UsageError, "there is no such folder"),
        (lambda corpus: (corpus.path / "manifest.json").unlink(), SkyPileError, "is no corpus"),
    ],
)
def test_a_corpus_that_cannot_be_compared_with_is_refused(copy, change, raised, said):
    corpus = copy()
    change(corpus)
    with pytest.raises(raised, match=said):
        open_corpora([str(corpus.path)], Dedup(), "elsewhere")


def _index_file(corpus: Built) -> Path:
    return next((corpus.path / "index").rglob("*.arrow"))


def _flip(corpus: Built) -> None:
    """Change one bit in the middle of an index file, where the MinHash values lie."""
    path = _index_file(corpus)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _lose(corpus: Built) -> None:
    _index_file(corpus).unlink()


def test_other_signatures_and_the_output_itself_are_refused(earlier, inputs, options, tmp_path):
    with pytest.raises(InputError, match=r"scheme affine32, this run draws fss; .* --scheme fss"):
        open_corpora([str(earlier.path)], Dedup(scheme="fss"), "elsewhere")
    done = skypile(
        "build", *inputs[1], *options, "--output", earlier.path, "--against", f"{earlier.path}/"
    )
    assert done.returncode == 2 and "is where this build writes its corpus" in done.stderr
    version = Drawn.by(Dedup()).version
    assert f"version {version}" in str(Drawn.by(Dedup()))


def test_an_index_drawn_later_is_that_of_the_build(earlier, copy):
    corpus = without_index(copy())
    done = reindex(str(corpus.path))
    assert len(done.written) == 2 and not done.whole
    assert files_of(corpus.path) == files_of(earlier.path)
    assert corpus.same_bytes() == earlier.same_bytes()
    _flip(corpus)
    assert reindex(str(corpus.path)).written == [str(_index_file(corpus).relative_to(corpus.path))]
    assert files_of(corpus.path) == files_of(earlier.path)
    assert len(reindex(str(corpus.path), "fss").written) == 2
    assert verify(str(corpus.path), recount=True).problems == []
    assert len(open_corpora([str(corpus.path)], Dedup(scheme="fss"), "elsewhere")) == 1


def test_what_is_forgotten_leaves_the_index(earlier, copy):
    corpus = copy()
    gone = [row for row in corpus.rows(COLUMNS) if row["outcome"] == "kept"][3:9:3]
    forget(str(corpus.path), Wanted(ids=frozenset(row["id"] for row in gone)))
    assert verify(str(corpus.path), recount=True).problems == []
    told = corpus.manifest["shards"]
    assert {s["index"]["path"] for s in told} == {
        str(path.relative_to(corpus.path)) for path in (corpus.path / "index").rglob("*.arrow")
    }
    assert signatures_in(corpus.path) == signatures_in(earlier.path) - len(gone)
    # Byte by byte what signing the texts that are left gives.
    files = files_of(corpus.path)
    shutil.rmtree(corpus.path / "index")
    reindex(str(corpus.path))
    assert files_of(corpus.path) == files


def test_verify_tells_a_changed_index(copy):
    corpus = copy()
    _flip(corpus)
    name = str(_index_file(corpus).relative_to(corpus.path))
    assert any(f"{name}: sha256" in p for p in verify(str(corpus.path)).problems)
    # Whoever changes the manifest as well is found out by the texts.
    manifest = corpus.manifest
    for shard in manifest["shards"]:
        if shard["index"]["path"] == name:
            shard["index"]["sha256"] = Store(str(corpus.path)).sha256(name)
    _with_manifest(corpus, manifest)
    problems = verify(str(corpus.path), recount=True).problems
    assert len(problems) == 1 and "is not that of its text" in problems[0]
    (corpus.path / "index" / "domain=en" / "part-00009.arrow").write_bytes(b"")
    assert "the manifest does not list it" in verify(str(corpus.path)).problems[-1]
    _index_file(corpus).unlink()
    assert any("is missing; it is the index of" in p for p in verify(str(corpus.path)).problems)


def test_explain_finds_the_document_in_the_earlier_corpus(earlier, later, copy):
    store = Store(str(later.path))
    manifest = read_manifest(store)
    row = next(r for r in later.rows(COLUMNS) if (r["duplicate_of"] or "").startswith("against/"))
    record = row["duplicate_of"].removeprefix("against/")
    [document] = find(store, manifest, row["record"])

    def decided(path: Path) -> str:
        corpora = [one.model_copy(update={"path": str(path)}) for one in manifest.against]
        changed = manifest.model_copy(update={"against": corpora})
        return account(store, changed, document).decided

    assert f"{record} of the earlier corpus {earlier.path}: kept, in data/" in decided(earlier.path)
    corpus = copy()
    forget(str(corpus.path), Wanted(ids=frozenset([record])))
    told = decided(corpus.path)
    assert "which has changed since: now rejected (forgotten)" in told
    assert "cannot be looked at now" in decided(corpus.path / "nowhere")


def test_an_earlier_corpus_may_be_remote(earlier, bucket: Bucket):
    remote = Store(f"s3://{bucket.name}/corpus")
    for name in Store(str(earlier.path)).walk():
        remote.write(name, (earlier.path / name).read_bytes())
    [there] = open_corpora([remote.root], Dedup(), "elsewhere")
    [here] = open_corpora([str(earlier.path)], Dedup(), "elsewhere")
    assert there.identity() == here.identity()
    for far, near in zip(there.shards, here.shards, strict=True):
        [one], [other] = (earlier_sets(shard, Dedup(), 3, 2) for shard in (far, near))
        assert np.array_equal(one.minhash, other.minhash)
        rows = random.Random(0).sample(range(len(one)), 5)
        addresses = np.sort(one.addresses[rows])
        texts = [EarlierDocuments({3: shard}).texts(addresses) for shard in (far, near)]
        assert texts[0] == texts[1] and all(texts[0])


def test_labels_tell_corpora_apart():
    assert labels(["/a/x", "/b/x", "/b/y"]) == ["a/x", "b/x", "y"]
