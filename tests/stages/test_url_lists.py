"""Lists of domains and URLs: the formats, what they match, and what they do not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_batches import url_scores

from skypile.errors import RecipeError
from skypile.lists import domains, store
from skypile.lists.domains import ascii_url, entries
from skypile.recipe import parse_recipe
from skypile.stages.url_lists import UrlLists


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


LIST = str(Path(__file__).parents[1] / "data" / "domains.txt")


def batch(*found: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"url": pa.array(found, pa.string())})


def counts(lines: str, *found: str, allow: str = "", folder) -> list[int]:
    (folder / "list.txt").write_text(lines, "utf-8")
    (folder / "allow.txt").write_text(allow, "utf-8")
    stage = UrlLists(lists={"bad": (str(folder / "list.txt"),)}, allow=(str(folder / "allow.txt"),))
    return stage(batch(*found))["url_bad_count"].to_pylist()


@pytest.mark.parametrize(
    ("lines", "on", "off"),
    [
        ("example.com", ["http://example.com", "https://a.b.EXAMPLE.com:8080/x", "example.com/",
                         "http://u:p@example.com", "http://example.com.", "//example.com?q",
                         "http://ex%61mple.com/"],
         ["http://notexample.com", "http://example.com.cn", "http://com/", "http://x/example.com",
          "http://example.com@other.org", "", "https:example.com"]),
        ("*.example.com\n.example.org", ["http://a.example.com", "http://example.org"],
         ["http://example.net"]),
        ("# comment\n0.0.0.0 bad.com # why\n127.0.0.1\tlocalhost bad.org\n::1 ip6-localhost\r\n",
         ["http://bad.com", "http://x.bad.org"], ["http://localhost", "http://127.0.0.1"]),
        ("[Adblock Plus 2.0]\n! title\n||bad.com^\n||bad.org^$third-party\n||bad.net^$all\n"
         "x.com##.ad\n-banner-\n/ads[0-9]/\n||a*.com^\n@@||ok.bad.com^\n||bad.edu/x^",
         ["http://bad.com", "http://a.bad.net", "http://bad.edu/x/y"],
         ["http://bad.org", "http://x.com", "http://ok.bad.com", "http://bad.edu", "http://ads1.org"]),
        ("http://www.site.com/a/\nsite.org/b?x=1", ["https://site.com/a", "http://www.site.com/a/b?c",
         "http://site.org/b?x=1&y=2", "http://site.org:80/b?x=1#z", "http://site.com/%61"],
         ["http://site.com/ab", "http://sub.site.com/a", "http://site.com", "http://site.org/b?x=12",
          "http://site.org/B?x=1"]),
        ("例子.中国\nxn--bcher-kva.example\nBÜCHER.test",
         ["http://例子.中国/", "http://xn--fsqu00a.xn--fiqs8s", "http://www.例子。中国",
          "http://Bücher.example", "http://b%C3%BCcher.example", "http://xn--bcher-kva.TEST"],
         ["http://中国/", "http://bucher.example"]),
        ("1.2.3.4\n[2001:db8::1]\n::ffff", ["http://1.2.3.4/x", "http://[2001:DB8::1]:80/",
         "http://[::ffff]"], ["http://9.1.2.3.4", "http://a.1.2.3.4x", "http://[2001:db8::2]"]),
    ],
    ids=["domains", "wildcards", "hosts", "adblock", "urls", "idn", "addresses"],
)  # fmt: skip
def test_what_lists_match(lines, on, off, tmp_path):
    found = counts(lines, *on, *off, folder=tmp_path)
    assert found == [1] * len(on) + [0] * len(off), dict(zip([*on, *off], found, strict=True))


def test_what_is_allowed_is_on_no_list(tmp_path):
    found = counts("host.com\nhost.com/x", "http://host.com/x", "http://me.host.com/x",
                   "http://host.com/y", allow="me.host.com\nhost.com/y",
                   folder=tmp_path)  # fmt: skip
    assert found == [2, 0, 0]


def test_malformed_urls_are_counted(tmp_path):
    (tmp_path / "a").write_text("a.com")
    stage = UrlLists(lists={"bad": (str(tmp_path / "a"),)})
    good = ["http://a.com", None, "", "//x", "a.b"]
    bad = ["http://", "http:///a.com", "http://a b.com", "http://a..com", "http://a.com:x", "word",
           "http://[::1", "http://" + "x" * 64 + ".com", "http://℀.com", "http://a%zz.com",
           "mailto:me", "http://" + "a." * 127 + "com", "http://a.com:70000"]  # fmt: skip
    columns = stage(batch(*good, *bad))
    assert columns["url_malformed_count"].to_pylist() == [0] * len(good) + [1] * len(bad)
    assert columns["url_bad_count"].to_pylist() == [1] + [0] * (len(good) + len(bad) - 1)


def test_folders_of_ut1_and_packed_files(tmp_path):
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult" / "domains").write_text("a.com\n")
    (tmp_path / "adult" / "urls").write_text("b.com/x\n")
    (tmp_path / "adult" / "expressions").write_text("(a|b)\n")
    (tmp_path / "games.gz").write_bytes(gzip.compress(b"c.com\n"))
    stage = UrlLists(
        lists={"adult": (str(tmp_path / "adult"),), "games": (str(tmp_path / "games.gz"),)}
    )
    columns = stage(batch("http://a.com", "http://b.com/x/y", "http://c.com", "http://b.com"))
    assert columns["url_adult_count"].to_pylist() == [1, 1, 0, 0]
    assert columns["url_games_count"].to_pylist() == [0, 0, 1, 0]
    assert {name: each.type for name, each in columns.items()} == stage.writes
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match="neither a file `domains` nor `urls`"):
        UrlLists(lists={"bad": (str(tmp_path / "empty"),)})


def test_a_bad_line_is_named(tmp_path):
    for text, place in (("a.com\nfree spins\n", r"list\.txt:2: 'free spins' is neither"),
                        ("a.com\n\nword\n", r"list\.txt:3: 'word' is neither"),
                        ("a..com", r"list\.txt:1: 'a\.\.com'")):  # fmt: skip
        with pytest.raises(RecipeError, match=place):
            counts(text, "http://a.com", folder=tmp_path)


def test_large_lists_are_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(domains, "_STORED_BYTES", 0)
    assert counts("a.com", "http://a.com", folder=tmp_path) == [1]
    (path,) = store.store_folder().iterdir()
    before = path.stat().st_ino
    domains.url_set.cache_clear()
    assert counts("a.com", "http://a.com", folder=tmp_path) == [1]
    assert path.stat().st_ino == before


def test_recipes(tmp_path):
    (tmp_path / "a").write_text("a.com")
    text = """
name: small
steps:
  - stages: [{stage: url_lists, lists: {porn: [PATH]}}]
    rules: [{reason: porn_url, column: url_porn_count, max: 0}]
dedup: null
mix: null
"""
    recipe = parse_recipe(text.replace("PATH", str(tmp_path / "a")), "small.yaml")
    one = recipe.steps_fingerprint()
    (tmp_path / "b").write_text("b.com")
    assert parse_recipe(text.replace("PATH", str(tmp_path / "b")), "x").steps_fingerprint() != one
    with pytest.raises(RecipeError, match="malformed"):
        parse_recipe(text.replace("porn: [", "malformed: ["), "x.yaml")
    with pytest.raises(RecipeError, match="cannot be read"):
        parse_recipe(text.replace("PATH", "/none"), "x.yaml")


def test_entries_and_ascii_urls():
    assert entries("0.0.0.0 a.com b.com ## x") == [("a.com", False), ("b.com", False)]
    assert entries("@@||a.com^|") == [("//a.com", True)]
    assert ascii_url("http://u@中国.cn:80/中?é") == "http://u@xn--fiqs8s.cn:80/中?é"
    assert ascii_url("http://a.com/中") == "http://a.com/中"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.none() | st.text(st.characters(codec="utf-8") | st.sampled_from("a.com/:@%[]")),
             max_size=5),
    st.integers(0, 5),
)  # fmt: skip
def test_any_text_is_accepted_and_splitting_changes_nothing(found, cut):
    stage = UrlLists(lists={"bad": (LIST,)})
    whole = stage(batch(*found))
    parts = [stage(batch(*found[:cut])), stage(batch(*found[cut:]))]
    for name, each in whole.items():
        assert each.to_pylist() == [value for part in parts for value in part[name].to_pylist()]


def test_golden_scores():
    """Fails where a score changed: raise the stage's `version` and run tests/golden/write.py."""
    golden = json.loads(
        (Path(__file__).parents[1] / "golden" / "url_lists.json").read_text("utf-8")
    )
    assert golden == {"version": UrlLists.version, "scores": url_scores()}
