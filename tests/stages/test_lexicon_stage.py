"""Lexicons: what counts, the files that terms come from, and rules on the columns."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard
from stage_batches import batch_of

from skypile.curate import run_steps
from skypile.errors import RecipeError
from skypile.lists import store, terms
from skypile.recipe import parse_recipe
from skypile.stages.lexicon import Lexicon


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def columns(stage: Lexicon, text: str) -> dict[str, object]:
    """Return the columns of one text that are not 0, without `lexicon_`."""
    found = {name.removeprefix("lexicon_"): each[0].as_py()
             for name, each in stage(batch_of([text])).items()}  # fmt: skip
    return {name: value for name, value in found.items() if value}


def own(tmp_path, text: str, allowed: str = "", **options: object) -> Lexicon:
    (tmp_path / "terms.txt").write_text(text, "utf-8")
    (tmp_path / "allowed.txt").write_text(allowed, "utf-8")
    return Lexicon(lists={"bad": (str(tmp_path / "terms.txt"),)}, files=(),
                   allow=(str(tmp_path / "allowed.txt"),), **options)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("注册送彩金，百家乐天天有", {"gambling": (2, 2)}),
        ("彩金色的阳光", {}),
        ("彩金色的阳光，送彩金", {"gambling": (1, 1)}),
        ("性能、性别、性格与个性", {}),
        ("加 微 信：abc", {"ads": (1, 1)}),
        ("加\n微信", {}),
        ("Free  Spins!\nfree\nspins", {"gambling": (2, 1)}),
        ("carefree spins, free spinster", {}),
        ("Sussex, cockpit, Scunthorpe, peacocks and cum laude", {}),
        ("ＢＥＴ３６５ and bet365", {"gambling": (2, 1)}),
        ("總統發表談話", {"politics": (1, 1)}),
        ("for (i = 0; i < free_spins; i++) buy_now();", {}),
        ("", {}),
    ],
)
def test_cases_of_the_default_lexicon(text, hits):
    found = columns(Lexicon(), text)
    for name, (count, distinct) in hits.items():
        assert (found.pop(f"{name}_count"), found.pop(f"{name}_distinct_count")) == (
            count,
            distinct,
        )
        assert 0 < found.pop(f"{name}_frac") <= 1
    assert found == {}


def test_a_share_is_of_characters_without_white_space(tmp_path):
    stage = own(tmp_path, "free spins\n微信\n")
    assert columns(stage, "a free  spins b\u3000微 信 中文") == {
        "bad_count": 2, "bad_distinct_count": 2, "bad_frac": 11 / 15}  # fmt: skip


def test_the_longest_term_counts_and_allowed_ones_hide_what_lies_within_them(tmp_path):
    stage = own(tmp_path, "性\n性感\n感性\nc\n", "性能\nc plus plus\n")
    assert columns(stage, "性感性") == {
        "bad_count": 2, "bad_distinct_count": 2, "bad_frac": 1.0}  # fmt: skip
    assert columns(stage, "性能感性")["bad_count"] == 1
    assert columns(stage, "感性能") == {
        "bad_count": 1, "bad_distinct_count": 1, "bad_frac": 2 / 3}  # fmt: skip
    assert columns(stage, "性能 c plus plus") == {}


def test_a_category_does_not_see_the_terms_of_others(tmp_path):
    (tmp_path / "a.tsv").write_text("微信\tads\n加微信\tsocial\n加微信\tads\n", "utf-8")
    stage = Lexicon(files=(str(tmp_path / "a.tsv"),), allow=())
    assert columns(stage, "加微信 微信") == {
        "ads_count": 2, "ads_distinct_count": 2, "ads_frac": 1.0,
        "social_count": 1, "social_distinct_count": 1, "social_frac": 0.6,
    }  # fmt: skip


FORMS = {
    "plain": b"alpha\nbeta\n",
    "mark, CRLF, comments, blanks, duplicates": (
        b"\xef\xbb\xbf# terms\r\n\r\n alpha \r\nbeta\r\nALPHA\r\n  \t\r\n# end"
    ),
    "commas": "alpha,\nbeta，\n".encode(),
    "gzip": gzip.compress(b"alpha\nbeta\n", mtime=0),
    "two gzip members": gzip.compress(b"alpha\n") + gzip.compress(b"beta\n"),
    "zstd": zstandard.compress(b"alpha\n") + zstandard.compress(b"beta"),
    "json": json.dumps(["alpha", "beta"]).encode(),
    "json gzip": gzip.compress(json.dumps(["alpha", "beta"]).encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_files(form, tmp_path):
    path = tmp_path / ("terms.json" if "json" in form else "terms.txt")
    path.write_bytes(FORMS[form])
    stage = Lexicon(lists={"bad": (str(path),)}, files=(), allow=())
    assert columns(stage, "alpha beta gamma #")["bad_count"] == 2


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.txt", "好\n\u200b\n".encode(), "a.txt:2: holds white space only"),
        ("a.txt", ("\n#\n" + "中" * 65).encode(), "a.txt:3: over 64 words and characters"),
        ("a.txt", b"ok\n" + b"x" * 129, "a.txt:2: a word of over 128 bytes"),
        ("a.txt", "好\n坏\n".encode("gb18030"), "a.txt:1: not UTF-8; a list in GBK"),
        ("a.txt", b"ok\nterm\tads\n", "a.txt:2: holds a tab"),
        ("a.txt.gz", gzip.compress(b"alpha\n")[:-9], "the list is damaged"),
        ("a.zst", zstandard.compress(b"alpha" * 99)[:-3], "the list is damaged"),
        ("a.json", b'["a",\n\n 3', "a.json:3: not JSON"),
        ("a.json", b'["a", 3]', "a.json:item 2: 3: not a term on one line"),
        ("a.json", b'{"x": ["a"]}', "must be a list of terms"),
    ],
)
def test_a_bad_line_is_named(name, content, place, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=place.replace("{", r"\{")):
        _ = Lexicon(lists={"bad": (str(tmp_path / name),)}, files=(), allow=()).writes


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("term\n", "a.tsv:1: category '': give TERM<TAB>CATEGORY"),
        ("a\tads\nb\tA b\n", "a.tsv:2: category 'a b'"),
    ],
)
def test_a_bad_category_is_named(content, place, tmp_path):
    (tmp_path / "a.tsv").write_text(content)
    with pytest.raises(RecipeError, match=place):
        _ = Lexicon(files=(str(tmp_path / "a.tsv"),), allow=()).writes


def test_what_is_not_there_and_names_that_make_no_column(tmp_path):
    with pytest.raises(RecipeError, match=r"none\.txt: the list cannot be read: .*looked for at /"):
        Lexicon(lists={"bad": ("none.txt",)})
    with pytest.raises(RecipeError, match="'Bad words'"):
        parse_recipe(RECIPE.replace("lexicon}", "lexicon, lists: {Bad words: [x]}}"), "x.yaml")
    with pytest.raises(RecipeError, match="a lexicon needs a category"):
        _ = Lexicon(files=(), allow=()).writes


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    one = own(tmp_path, "a\nb\n").fingerprint_data()
    (tmp_path / "sub").mkdir()
    assert own(tmp_path / "sub", "a\nb\n").fingerprint_data() == one
    (tmp_path / "other").mkdir()
    assert own(tmp_path / "other", "a\nc\n").fingerprint_data() != one


def test_large_lists_are_compiled_once_and_damage_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(terms, "_STORED_BYTES", 0)
    stage = own(tmp_path, "free spins\n微信\n")
    wanted = columns(stage, "微信 free spins")

    def again() -> dict[str, object]:
        terms.term_set.cache_clear()
        return columns(stage, "微信 free spins")

    (path,) = store.store_folder().iterdir()
    whole = path.read_bytes()
    before = path.stat().st_ino
    assert again() == wanted and path.stat().st_ino == before
    for damaged in (whole[:-1], whole[:30], b"", whole[:-40] + b"\x01" + whole[-39:], b"x" * 99):
        path.write_bytes(damaged)
        assert again() == wanted and path.read_bytes() == whole
    path.unlink()
    store.store_folder().rmdir()
    store.store_folder().write_bytes(b"")  # no folder can be made
    assert again() == wanted


RECIPE = """
name: small
steps:
  - stages: [{stage: lexicon}]
    rules:
      - {reason: gambling, column: lexicon_gambling_distinct_count, max: 4}
      - {reason: gambling, column: lexicon_gambling_frac, max: 0.02}
dedup: null
mix: null
"""


def test_rules_by_density_and_by_different_hits():
    recipe = parse_recipe(RECIPE, "small.yaml")
    history = (
        "彩票史的研究者说，赌场与博彩的兴衰是城市史的一部分。" + "他在档案馆里读了很久的书。" * 40
    )
    texts = [
        history,
        "百家乐、老虎机、真人娱乐，注册送彩金，首存返水",
        "网赌",
        "The odds are even.",
    ]
    rows = run_steps(batch_of(texts), recipe.steps).to_pylist()
    assert [row["reason"] for row in rows] == [None, "gambling", "gambling", None]
