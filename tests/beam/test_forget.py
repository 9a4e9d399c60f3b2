"""Documents taken out of a corpus: nothing of them is left, and everything still adds up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from beam_corpus import Built, skypile

from skypile.cli import forget as command
from skypile.cli.main import Parser
from skypile.errors import SkyPileError
from skypile.forget import FORGOTTEN, Wanted, forget
from skypile.io.store import Store
from skypile.verify import verify

COLUMNS = ("id", "record", "url", "text", "domain", "outcome", "reason", "duplicate_of", "tokens")


@pytest.fixture
def corpus(built: Built, tmp_path: Path) -> Built:
    """A copy of the sample's corpus that may be changed."""
    folder = tmp_path / "corpus"
    shutil.copytree(built.path, folder, ignore=shutil.ignore_patterns(".work"))
    return Built(folder)


def rows_of(corpus: Built) -> list[dict[str, Any]]:
    return corpus.rows(COLUMNS)


def one(corpus: Built, **wanted: object) -> dict[str, Any]:
    """Return the first document with these values."""
    return next(row for row in rows_of(corpus) if all(row[k] == v for k, v in wanted.items()))


def everything(corpus: Built) -> bytes:
    """Return the content of all columns of all files, unpacked, and the manifest."""
    tables = [pq.ParquetFile(p).read() for p in sorted(corpus.path.glob("*/**/*.parquet"))]
    values = [str(table.to_pydict()) for table in tables]
    return "\n".join([*values, json.dumps(corpus.manifest, ensure_ascii=False)]).encode()


def assert_whole(corpus: Built) -> None:
    assert verify(str(corpus.path), recount=True).problems == []


@pytest.mark.parametrize("outcome", ["kept", "surplus", "rejected", "error"])
def test_nothing_is_left_of_a_document_but_its_record(corpus, outcome):
    before = {row["record"]: row for row in rows_of(corpus)}
    chosen = one(corpus, outcome=outcome)
    told = forget(str(corpus.path), Wanted(ids=frozenset([chosen["record"]])))
    assert told.documents == 1 and told.by_outcome == {outcome: 1} and not told.missing
    after = {row["record"]: row for row in rows_of(corpus)}
    empty = after.pop(chosen["record"])
    assert empty == dict.fromkeys(COLUMNS) | {
        "id": chosen["record"], "record": chosen["record"], "domain": chosen["domain"],
        "outcome": "rejected", "reason": FORGOTTEN,
    }  # fmt: skip
    assert after == {name: row for name, row in before.items() if name != chosen["record"]}
    if chosen["text"]:
        assert chosen["text"][20:60] not in everything(corpus).decode()
    assert_whole(corpus)


def test_the_manifest_counts_what_was_forgotten(corpus):
    before = corpus.manifest
    chosen = [row for row in rows_of(corpus) if row["outcome"] == "kept" and row["domain"] == "zh"][
        :3
    ]
    forget(str(corpus.path), Wanted(ids=frozenset(row["id"] for row in chosen)))
    now = corpus.manifest
    tokens = sum(row["tokens"] for row in chosen)
    assert now["forgotten"]["documents"] == 3 and now["forgotten"]["tokens"] == {"zh": tokens}
    assert now["ledger"]["read"] == before["ledger"]["read"]
    assert now["ledger"]["kept"] == before["ledger"]["kept"] - 3
    assert now["ledger"]["rejected"][FORGOTTEN] == 3
    reached = now["mixture"]["reached"]
    assert reached["zh"]["tokens"] == before["mixture"]["reached"]["zh"]["tokens"] - tokens
    assert sum(entry["share"] for entry in reached.values()) == pytest.approx(1)
    # Files without such a document stay as they were.
    assert [s for s in now["shards"] if s["domain"] != "zh"] == [
        s for s in before["shards"] if s["domain"] != "zh"
    ]
    # Once more, of what is left; what was forgotten cannot be forgotten again.
    assert forget(str(corpus.path), Wanted(ids=frozenset([chosen[0]["record"]]))).documents == 0
    other = one(corpus, outcome="kept", domain="zh")
    forget(str(corpus.path), Wanted(ids=frozenset([other["id"]])))
    assert corpus.manifest["forgotten"]["documents"] == 4
    assert_whole(corpus)


def test_a_whole_domain_may_go(corpus):
    chosen = [row["record"] for row in rows_of(corpus) if row["domain"] == "code"]
    assert forget(str(corpus.path), Wanted(ids=frozenset(chosen))).documents == len(chosen)
    assert "code" not in corpus.manifest["mixture"]["reached"]
    assert not [s for s in corpus.manifest["shards"] if s["domain"] == "code"]
    assert not list(corpus.path.glob("data/domain=code/*.parquet"))
    assert_whole(corpus)


def test_copies_go_with_it(corpus):
    copy = next(row for row in rows_of(corpus) if row["duplicate_of"])
    family = {copy["duplicate_of"]} | {
        row["record"] for row in rows_of(corpus) if row["duplicate_of"] == copy["duplicate_of"]
    }
    told = forget(str(corpus.path), Wanted(ids=frozenset([copy["record"]]), copies=True))
    assert told.documents == len(family) > 1
    gone = {row["record"] for row in rows_of(corpus) if row["reason"] == FORGOTTEN}
    assert gone == family
    assert_whole(corpus)


def test_by_url_and_dry_run(corpus):
    chosen = next(row for row in rows_of(corpus) if row["url"])
    wanted = Wanted(urls=frozenset([chosen["url"], "https://example.com/not-there"]))
    before = corpus.same_bytes()
    told = forget(str(corpus.path), wanted, dry_run=True)
    assert told.documents >= 1 and told.missing == ["https://example.com/not-there"]
    assert corpus.same_bytes() == before
    assert forget(str(corpus.path), wanted).documents == told.documents
    assert chosen["url"].encode() not in everything(corpus)
    assert_whole(corpus)


def killed(corpus: Built, wanted: Wanted, after: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Forget, and die at the file operation behind the first `after`; tell whether that came."""
    calls = 0

    def dying(real: Any) -> Any:
        def done(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > after:
                raise KeyboardInterrupt
            return real(*args)

        return done

    with monkeypatch.context() as patch:
        for name in ("remove", "write_json", "create"):
            patch.setattr(Store, name, dying(getattr(Store, name)))
        try:
            forget(str(corpus.path), wanted)
        except KeyboardInterrupt:
            return True
    return False


def test_killed_at_any_file_it_is_the_old_corpus_or_the_new_one(corpus, monkeypatch):
    chosen = [one(corpus, outcome=outcome)["record"] for outcome in ("kept", "error")]
    wanted = Wanted(ids=frozenset(chosen))
    found = set()
    for after in range(20):
        copy = Built(corpus.path.with_name(f"copy{after}"))
        shutil.copytree(corpus.path, copy.path)
        if not killed(copy, wanted, after, monkeypatch):
            break
        # The manifest holds, but for files that it does not name.
        problems = verify(str(copy.path)).problems
        assert all("the manifest does not list it" in problem for problem in problems)
        found.add(forget(str(copy.path), wanted).documents)
        assert {r["record"] for r in rows_of(copy) if r["reason"] == FORGOTTEN} == set(chosen)
        assert not verify(str(copy.path)).problems
    # Killed before the manifest was replaced, both were still to be forgotten; behind it, none.
    assert found == {0, len(chosen)} and after > 4


def test_command(corpus, tmp_path):
    chosen = one(corpus, outcome="kept", domain="en")
    names = tmp_path / "ids.txt"
    names.write_text(f"{chosen['id']}\n\nnobody\n", "utf-8")
    done = skypile("forget", corpus.path, "--ids", names, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["documents"] == 1 and told["by_outcome"] == {"kept": 1}
    assert "no document has the id or URL 'nobody'" in done.stderr
    shown = skypile("explain", corpus.path, "--id", chosen["record"])
    assert shown.returncode == 0 and FORGOTTEN in shown.stdout
    again = skypile("forget", corpus.path, "--id", "nobody")
    assert again.returncode == 1 and "no document has one of these" in again.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to forget"),
        (["--ids", "missing.txt"], "missing.txt: cannot be read"),
        (["--ids", "gbk.txt"], "is not UTF-8"),
        (["--ids", "-", "--urls", "-"], "cannot both be read from stdin"),
    ],
)
def test_bad_options(corpus, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    Path("gbk.txt").write_bytes("港口\n".encode("gb18030"))
    with pytest.raises(SkyPileError, match=said):
        run_forget(corpus, *options)


def test_a_work_folder_is_named_and_nothing_else_is_touched(corpus):
    (corpus.path / ".work").mkdir()
    (corpus.path / ".work" / "plan.json").write_text("{}")
    (corpus.path / "data" / "mine.txt").write_text("not a shard")
    with pytest.raises(SkyPileError, match=r"\.work holds texts as well"):
        forget(str(corpus.path), Wanted(ids=frozenset(["a"])))
    shutil.rmtree(corpus.path / ".work")
    forget(str(corpus.path), Wanted(ids=frozenset(["a"])))
    assert (corpus.path / "data" / "mine.txt").exists()


def run_forget(corpus: Built, *options: str) -> int:
    parser = Parser(prog="skypile forget")
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(corpus.path), *options]), [])
