"""Evaluation sets: the files that they come from, what is found of them, and what is cut out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from stage_batches import batch_of

from skypile.curate import run_steps
from skypile.errors import RecipeError
from skypile.lists import benchmarks, store
from skypile.lists.items import DEFAULT_FIELDS, ItemFile, read_items
from skypile.recipe import parse_recipe
from skypile.stages.decontaminate import Decontaminate, without_passages


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


FERRIES = "Which of the nine ferries that call here leaves before the tide has turned twice?"
APPLES = "小明有3个苹果，他给了小红2个，又买了5个，请问他现在有几个苹果？"
LAMPS = "How many lamps burn on the long pier?"
CODE = (
    "def depth(tide, draught):\n    return [m for m in range(tide.start, tide.stop) if m > draught]"
)


def stage_of(tmp_path: Path, *items: object, **options: object) -> Decontaminate:
    path = tmp_path / f"set{len(list(tmp_path.iterdir()))}.jsonl"  # files are read once
    path.write_text("\n".join(json.dumps(each, ensure_ascii=False) for each in items), "utf-8")
    return Decontaminate(sets={"exam": (str(path),)}, **options)


def columns(stage: Decontaminate, text: str) -> dict[str, object]:
    """Return the columns of one text that are not 0, without `decontaminate_exam_`."""
    found = {name.removeprefix("decontaminate_exam_"): each[0].as_py()
             for name, each in stage(batch_of([text])).items()}  # fmt: skip
    return {name: value for name, value in found.items()
            if value and not name.startswith("decontaminate")}  # fmt: skip


ITEMS = (
    {"question": FERRIES, "choices": ["the red one", "the blue one"], "answer": 1},
    {"Question": APPLES, "A": "3", "B": "6", "Answer": "B"},
    {"question": LAMPS, "choices": {"text": ["nine of them", "none at all"], "label": ["A", "B"]}},
    {"prompt": "Say when the water is deep enough.", "canonical_solution": CODE},
    {"question": "谁有那条船？", "options": ["他的女儿", "没有人"]},
    {"question": "谁来？", "options": ["他"]},
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (FERRIES, 1),
        ("which of the NINE ferries that-call here, leaves\nbefore the tide  has turned, once", 1),
        ("ＷＨＩＣＨ of the nine ferries that call here leaves before the tide has turned", 1),
        ("which of the ten ferries that call here leaves before the tide has turned twice", 0),
        (" ".join(FERRIES.split()[:12]), 0),  # 12 words are no n-gram
        (f"他问：{APPLES}没有人知道。", 1),
        ("小 明 有 ３ 个 苹 果\n他给了小红２个、又买了", 1),
        ("小明有4个苹果，他给了小兰2个，又买了4个，请问她现在有几个苹果？", 0),
        ("小明有3个苹果他给了小红", 0),  # 12 characters
        (f"{LAMPS} Nobody has counted.", 1),  # 8 words, sought as a whole
        ("How many lamps burn on the short pier?", 0),
        ("lamps burn on the long pier", 0),
        (f"# a tide\n{CODE}\n", 1),
        ("def depth(tide, draught):\n    return draught", 0),
        ("谁有那条船？\nA. 他的女儿\nB. 没有人\n", 1),  # short alone, not as examinations print it
        ("谁有那条船？有人说是他的女儿。", 0),
        ("谁来？\nA. 他\n", 0),
        (f"{FERRIES} {APPLES}", 2),
        ("", 0),
        ("?！。\n", 0),
    ],
)
def test_cases(text, count, tmp_path):
    stage = stage_of(tmp_path, *ITEMS)
    assert columns(stage, text).get("item_count", 0) == count
    made = stage.benchmarks().sets[0]
    assert (made.items, made.too_short, made.bare) == (6, 1, 0)


def test_shares_are_of_characters_and_of_the_n_grams_of_a_text(tmp_path):
    stage = stage_of(tmp_path, {"question": "a b c d e f"}, ngram_words=3, ngram_chars=6,
                     short_words=2, short_chars=3)  # fmt: skip
    # 4 n-grams has the item, two of them the document: over the words a b c d, with the comma.
    assert columns(stage, "xx a b, c d yyyy") == {
        "ngram_count": 2, "item_count": 1, "frac": 5 / 11, "item_frac": 0.5}  # fmt: skip
    assert columns(stage, "a b c / a b c")["ngram_count"] == 2
    # Two characters weigh as much as a word.
    mixed = stage_of(tmp_path, {"question": "潮水 b c 船家 e"}, ngram_words=3, ngram_chars=6,
                     short_words=2, short_chars=3)  # fmt: skip
    assert columns(mixed, "潮水 b c")["ngram_count"] == 1
    assert columns(mixed, "水 b c 船")["ngram_count"] == 1
    assert columns(mixed, "水 b c") == {}


def test_how_much_of_an_item_a_document_must_have(tmp_path):
    question = " ".join(f"w{n}" for n in range(16))  # four n-grams
    text = " ".join(f"w{n}" for n in range(15))  # three
    for options, hit in (
        ({"min_hits": 3}, True), ({"min_hits": 4}, False), ({"min_item_frac": 0.75}, True),
        ({"min_item_frac": 0.76}, False), ({"min_hits": 9}, False),
    ):  # fmt: skip
        stage = stage_of(tmp_path, question, **options)
        assert (columns(stage, text) != {}) is hit
    # One that has fewer n-grams must have all of them.
    assert columns(stage_of(tmp_path, LAMPS, min_hits=9), LAMPS)["item_frac"] == 1.0


def test_what_many_items_share_is_none_of_them(tmp_path):
    form = "Read what follows and then say which of the four answers below is the right one:"
    items = [{"question": f"{form} {n} " + " ".join(f"x{n}y{k}" for k in range(13))}
             for n in range(4)]  # fmt: skip
    stage = stage_of(tmp_path, *items, max_items=3)
    assert columns(stage, form) == {}
    assert columns(stage, items[2]["question"])["item_count"] == 1
    assert stage.benchmarks().sets[0].common_grams == 4
    assert columns(stage_of(tmp_path, *items, max_items=4), form)["item_count"] == 4


def test_numbers_and_what_is_ignored_are_of_no_item(tmp_path):
    terms = "This program comes with no warranty at all, to the extent that the law permits it to."
    items = [{"text": f"Who said so? {terms} Nobody did, I think."}, {"text": "0 " * 20},
             {"text": "x y " * 20}, {"text": ", ".join(map(str, range(40))) + " a b"},
             {"text": FERRIES}]  # fmt: skip
    (tmp_path / "terms.txt").write_text(f"{terms}\n", "utf-8")
    text = f"{terms} {'0 ' * 20} {'x y ' * 20} {' '.join(map(str, range(40)))} "
    assert columns(stage_of(tmp_path, *items), text)["item_count"] == 1
    stage = stage_of(tmp_path, *items, ignore=(str(tmp_path / "terms.txt"),))
    assert columns(stage, text) == {}
    assert columns(stage, f"Who said so? {terms}")["item_count"] == 1
    assert columns(stage, FERRIES)["item_count"] == 1
    assert "ignore" not in stage.fingerprint_data()
    assert stage.fingerprint_data() != stage_of(tmp_path, *items).fingerprint_data()


def test_sets_are_told_apart_and_counted_together(tmp_path):
    (tmp_path / "a.txt").write_text(f"{FERRIES}\n\n{APPLES}\n", "utf-8")
    (tmp_path / "b.txt").write_text(f"{APPLES}\n", "utf-8")
    stage = Decontaminate(sets={"b": (str(tmp_path / "b.txt"),), "a": (str(tmp_path / "a.txt"),)})
    row = pa.RecordBatch.from_pydict(stage(batch_of([FERRIES + APPLES]))).to_pylist()[0]
    counts = [row[f"decontaminate_{name}item_count"] for name in ("a_", "b_", "")]
    fracs = [row[f"decontaminate_{name}frac"] for name in ("a_", "b_", "")]
    assert counts == [2, 1, 3]
    assert 0 < fracs[1] < fracs[0] == fracs[2] <= 1


@pytest.mark.parametrize(
    ("record", "texts"),
    [
        ({"question": "Who?", "choices": ["he", "she"], "answer": 1},
         [("Who?", True), ("Who?\nA. he\nB. she", True)]),
        ({"id": 7, "Question": "谁？", "A": "他", "B": "她", "Answer": "B"},
         [("谁？", True), ("B", False), ("谁？\nA. 他\nB. 她\nB", True)]),
        ({"answerKey": "A", "choices": {"text": ["he", "she"], "label": ["A", "B"]},
          "question": "Who?"}, [("Who?", True), ("Who?\nA. he\nB. she", True)]),
        ({"ctx": "He sat", "endings": ["down.", "up."], "activity_label": "Sitting"},
         [("He sat", True), ("He sat\nA. down.\nB. up.", True)]),
        ({"goal": "Sit", "sol1": "down", "sol2": "up"},
         [("Sit", True), ("Sit\nA. down\nB. up", True)]),
        ({"prompt": "def f():", "canonical_solution": "  return 1", "test": "assert f()"},
         [("def f():", True), ("  return 1", False), ("def f():\n  return 1", True)]),
        ({"context": "A passage.", "question": "Who?", "answers": {"text": ["he"]}},
         [("Who?", True)]),
        ({"question": " ", "answer": None}, None),
        ("Who was it?", [("Who was it?", True)]),
    ],
)  # fmt: skip
def test_texts_of_items_as_known_sets_have_them(record, texts, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(record), "utf-8")
    read = read_items(ItemFile(path, "exam"), DEFAULT_FIELDS)
    assert (read.texts, read.bare) == (([texts], 0) if texts else ([], 1))


ROWS = [{"question": FERRIES}, {"question": ""}, {"question": APPLES}]


def _written(path: Path) -> None:
    if path.name == "x.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
        return
    kind = path.name.split(".")[1]
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    text = {
        "jsonl": "\ufeff" + "\r\n\n".join(lines), "json": json.dumps({"v": 1, "data": ROWS}),
        "csv": f'id,Question\r\n1,"{FERRIES}"\r\n2,\r\n3,"{APPLES}"\r\n',
        "tsv": f"question\tid\n{FERRIES}\t1\n\t2\n{APPLES}\t3\n",
        "txt": f"{FERRIES}\n \n{APPLES}\n",
    }[kind].encode()  # fmt: skip
    packed = {"gz": gzip.compress, "zst": zstandard.compress}.get(path.suffix[1:], bytes)
    path.write_bytes(packed(text))


@pytest.mark.parametrize(
    "name",
    ["x.jsonl", "x.json", "x.csv", "x.tsv", "x.txt", "x.parquet", "x.jsonl.gz", "x.csv.zst"],
)
def test_forms_of_files_and_folders(name, tmp_path):
    (tmp_path / "in").mkdir()
    _written(tmp_path / "in" / name)
    (tmp_path / "in" / "README.md").write_text("not an item")
    for path in (tmp_path / "in" / name, tmp_path / "in"):
        stage = Decontaminate(sets={"exam": (str(path),)})
        assert columns(stage, FERRIES + APPLES)["item_count"] == 2
        made = stage.benchmarks()
        assert made.sets[0].items == 2
        assert made.records.tolist()[0] == 0 and made.records.tolist()[1] >= 2


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.jsonl", b'{"question": "a"}\n{"question": ', r"x\.jsonl:2: not JSON"),
        ("x.jsonl", b'{"question": "a"}\n3', r"x\.jsonl:2: an item is an object or a string"),
        ("x.jsonl", b'{"frage": "wer?"}', "one of the fields 'question', .*there are 'frage'"),
        ("x.jsonl", b'{"question": ""}', "'exam' .* holds no item"),
        ("x.jsonl", b"", "'exam' .* holds no item"),
        ("x.jsonl", b'{"question": "too short"}', "'exam' .* no item that is long enough: 13 wor"),
        ("x.json", b'{"a": 1}', "not a list of items"),
        ("x.json", b"[", r"x\.json:1: not JSON"),
        ("x.txt", "好坏".encode("gb18030"), r"x\.txt:1: not UTF-8"),
        ("x.txt.gz", gzip.compress(b"x", mtime=0)[:-9], "is damaged"),
        ("x.parquet", b"PAR1", "not a Parquet file"),
        ("x.csv", b"x,y\n1,2\n", "there are 'x', 'y'"),
    ],
)
def test_bad_files_are_named(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=told):
        Decontaminate(sets={"exam": (str(tmp_path / name),)}).load()


def test_options_that_cannot_be(tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(RecipeError, match="cannot be read"):
        Decontaminate(sets={"exam": (str(tmp_path / "no.jsonl"),)})
    with pytest.raises(RecipeError, match="holds no file of items"):
        Decontaminate(sets={"exam": (str(tmp_path / "none"),)})
    for options in (
        {"sets": {}}, {"sets": {"Exam": ("x",)}}, {"sets": {"item": ("x",)}}, {"sets": {"x": ()}},
        {"sets": {"x": ("x",)}, "short_words": 14}, {"sets": {"x": ("x",)}, "ngram_chars": 65},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            Decontaminate(**options)


def test_large_sets_are_compiled_once_and_the_fingerprint_is_of_content(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarks, "_STORED_BYTES", 0)
    stage = stage_of(tmp_path, *ITEMS)
    wanted = stage(batch_of([FERRIES]))
    (path,) = store.store_folder().iterdir()
    before = path.stat().st_ino
    benchmarks.benchmarks.cache_clear()
    assert stage(batch_of([FERRIES])) == wanted and path.stat().st_ino == before
    (tmp_path / "sub").mkdir()
    data = stage_of(tmp_path / "sub", *ITEMS).fingerprint_data()
    assert data == stage.fingerprint_data()
    (tmp_path / "other").mkdir()
    assert stage_of(tmp_path / "other", *ITEMS[1:]).fingerprint_data() != data


# --- passages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hits", "window", "least", "pieces"),
    [
        ("one two three four five", ["three"], 0, 0, ["one two", "four five"]),
        ("one two three four five", ["three"], 2, 0, ["one", "five"]),  # no word is cut in two
        ("one two three four five", ["three"], 2, 4, ["five"]),
        ("one two three four five", ["two", "four"], 3, 0, []),
        ("甲乙丙丁戊己庚", ["丁"], 2, 0, ["甲", "庚"]),
        ("\n  甲乙 丙 丁戊  ", ["丙"], 0, 0, ["\n  甲乙", "丁戊  "]),
        ("é𠮷乙x丙", ["乙"], 0, 0, ["é𠮷", "x丙"]),
        ("all of it", ["all of it"], 9, 0, []),
        # So long a run of letters is no word.
        ("x" * 5000 + " hit " + "y" * 5000, ["hit"], 10, 0, ["x" * 4891, "y" * 4891]),
    ],
)
def test_pieces_that_are_left(text, hits, window, least, pieces):
    raw = text.encode()
    spans = [(raw.index(hit.encode()), raw.index(hit.encode()) + len(hit.encode())) for hit in hits]
    assert without_passages(text, spans, window=window, least=least)[0] == pieces


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from("ab 中。\n𠮷"), min_size=1, max_size=60), st.data(),
    st.integers(0, 6), st.integers(0, 5),
)  # fmt: skip
def test_pieces_are_of_the_text_and_hold_nothing_of_what_was_hit(text, data, window, least):
    borders = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    hits = list(zip(borders[::2], borders[1::2], strict=False))
    spans = [(len(text[:start].encode()), len(text[:stop].encode())) for start, stop in hits]
    pieces, cuts = without_passages(text, spans, window=window, least=least)
    gone = {at for start, stop in hits for at in range(start - window, stop + window)}
    left = "".join(char for at, char in enumerate(text) if at not in gone)
    rest = iter(left)
    assert all(char in rest for piece in pieces for char in piece)  # a subsequence of what is left
    assert all(len(piece) >= least for piece in pieces)
    assert cuts <= len(hits) and (cuts > 0) == bool(hits)
    assert hits or pieces == ([text] if len(text) >= least else [])


RECIPE = """
name: clean
steps:
  - stages: [{{stage: decontaminate, sets: {{exam: [{path}]}}, mode: passage, window_chars: 5,
      min_piece_chars: 10}}]
    rules:
      - {{reason: contaminated, column: decontaminate_cut_count, max: 1}}
      - {{reason: contaminated, column: decontaminate_piece_count, min: 1}}
dedup: null
mix: null
"""


def test_rules_on_passages_and_characters_that_are_gone(tmp_path):
    (tmp_path / "x.txt").write_text(f"{FERRIES}\n{APPLES}\n", "utf-8")
    recipe = parse_recipe(RECIPE.format(path=tmp_path / "x.txt"), "clean.yaml")
    before, behind = "The harbour master kept two clocks.", "海边的人都认识他，也都怕他。"
    texts = [f"{before} {FERRIES} {behind}", FERRIES, f"{FERRIES} {before} {APPLES}", behind]
    rows = run_steps(batch_of(texts), recipe.steps).to_pylist()
    assert [row["reason"] for row in rows] == [None, "contaminated", "contaminated", None]
    assert [row["decontaminate_cut_count"] for row in rows] == [1, 1, 2, 0]
    # Five characters on each side, and on to the ends of words.
    assert rows[0]["text"] == "The harbour master kept two\n\n人都认识他，也都怕他。"
    assert rows[0]["decontaminate_removed_chars"] == len(texts[0]) - 27 - 11
    assert rows[3]["text"] == behind
