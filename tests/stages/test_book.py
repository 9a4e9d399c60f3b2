"""Books: licences that are cut off, and the recipe that keeps prose and verse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import zstandard
from documents import batch_of
from stage_texts import CHINESE, CLASSICAL, ENGLISH, GERMAN, TRADITIONAL
from test_recipe_web import CONTENT, PARTS, PROSE, TURNS, chinese, english, every, lines

from skypile.curate import close, run_steps
from skypile.recipe import Recipe, load_recipe
from skypile.stages.book import Book, without_licence

HEADER = """The Project Gutenberg EBook of Clocks, by Nobody

This eBook is for the use of anyone anywhere at no cost.

*** START OF THIS PROJECT GUTENBERG EBOOK CLOCKS ***
"""
FOOTER = """*** END OF THE PROJECT GUTENBERG EBOOK CLOCKS ***

Updated editions of Project Gutenberg-tm will replace the previous one.
"""
DIALOGUE = "\n\n".join(
    f"“{line}”" if at % 3 else f"“{line}” he said."
    for at, line in enumerate((
        "Is the boat in?", "Not yet.", "And the pilot", "Gone home.", "When?", "An hour ago.",
        "Did he say why?", "He never does.", "Then we wait", "For the tide?", "For the tide.",
        "It is cold.", "It was colder", "When was that?", "The year the wall went.", "I know it.",
    ))
) + "\n\nNobody spoke again until the lamp on the pier was lit.\n"  # fmt: skip
VERSE = """The lamp is lit upon the wall,
  The boats are home, the nets are dry,
And one by one the shutters fall
  Against a green and failing sky.

O slow the tide and slow the bell
  That tells it to the empty street;
The sea has nothing more to tell
  Than wheel and wing and running feet.

And she who reads the water knows
  What no one wrote and no one said:
It gives, it takes, it comes, it goes,
  It turns the living from the dead.
"""
SONG = (
    "月照空山，\n人归晚渡。\n潮来潮去无凭据。\n不知何处是吾家，\n灯前且听风和雨。\n舟横野岸，\n雁过平芜。\n十年旧事总成虚。\n而今独坐无言语，\n看尽寒江一夜鱼。\n"
    "风吹老树，\n雪满前川。\n小桥流水有人烟。\n此心已逐孤云去，\n不向他乡问岁年。\n"
    "春来何早，\n花落谁家。\n东邻西舍品新茶。\n且将往事从头说，\n莫待秋霜上鬓华。\n"
)  # fmt: skip
GOOD = (ENGLISH, DIALOGUE, VERSE, CHINESE, TRADITIONAL, CLASSICAL, SONG)

CHAPTER = " ".join(PROSE)
LONG = chinese(300)
BAD = {
    (None, "empty"): " \n",
    (None, "wrong_language"): GERMAN,
    ("en", "mojibake"): ENGLISH.replace("e ", "e\ufffd "),
    ("en", "ebook_licence"): "You may copy the Project Gutenberg files. " * 5 + CHAPTER,
    ("en", "boilerplate"): lines(ENGLISH, *["Privacy policy", "Sign in", "Read more"] * 2),
    ("en", "too_short"): "The harbour master kept two clocks on his desk.",
    ("en", "unsure_language"): " ".join(TURNS),
    ("en", "short_words"): "It is to be as he or we do of an I at " * 5,
    ("en", "long_words"): " ".join(f"the {w} counterrevolutionary-misunderstood" for w in PROSE),
    ("en", "few_alphabetic_words"): " ".join(every(3, "3,100", PROSE)),
    ("en", "few_stop_words"): " ".join(word for word in english(90) if len(word) > 4),
    ("en", "lone_letters"): " ".join(every(12, "t h", PROSE)),
    ("en", "broken_words"): lines(*(f"{part} har-\nbour" for part in PARTS)),
    ("en", "page_numbers"): lines(*(f"{part}\n{at + 40}" for at, part in enumerate(PARTS))),
    ("en", "contents"): lines(*(f"{part[:50]} .... {at}" for at, part in enumerate(PARTS * 2))),
    ("en", "index"): lines(*(f"{part[:50]}, {at}, 7{at}-8" for at, part in enumerate(PARTS * 2))),
    ("en", "duplicate_lines"): "\n\n".join(lines(p, PARTS[at % 2]) for at, p in enumerate(PARTS)),
    ("en", "duplicate_paragraphs"): f"{ENGLISH}\n\n{ENGLISH}",
    ("en", "top_2gram"): " ".join(every(7, "captain said", PROSE)),
    ("en", "top_3gram"): " ".join(every(8, "in this hall", PROSE)),
    ("en", "top_4gram"): " ".join(every(8, "at an end for", PROSE)),
    ("en", "duplicate_5grams"): " ".join(PROSE + PROSE[:60]),
    ("en", "duplicate_10grams"): " ".join(PROSE + PROSE[:32]),
    ("zh", "too_short"): CHINESE[:60],
    ("zh", "lone_chars"): " ".join(CHINESE.replace("\n", "")),
    ("zh", "little_han"): "".join(every(3, "abcdef ghij ", LONG)),
    ("zh", "no_punctuation"): chinese(190).replace("。", ""),
    ("zh", "punctuation"): "".join(f"{char}，" for char in LONG),
    ("zh", "digits"): "".join(every(3, "7", LONG)),
    ("zh", "few_function_chars"): chinese(300, of=CONTENT),
    ("zh", "function_chars"): chinese(400, of=CONTENT) + "的是在",
    ("zh", "unpunctuated"): LONG + chinese(300, seed=1).replace("。", ""),
    ("zh", "short_lines"): lines(*(LONG[at : at + 3] for at in range(0, 300, 3))),
    ("zh", "low_entropy"): chinese(300, of="山水风雨雪云石木花草鸟鱼的是在"),
    ("zh", "duplicate_8grams"): LONG * 2 + LONG[:60],
    ("zh", "duplicate_13grams"): LONG + LONG[:240],
}  # fmt: skip
GENERAL = ("mojibake", "ebook_licence", "boilerplate", "page_numbers", "contents", "index",
           "duplicate_lines", "duplicate_paragraphs", "top_2gram", "top_3gram",
           "top_4gram")  # fmt: skip


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("books").without_models()


@pytest.fixture(scope="module")
def judged(recipe) -> list[dict[str, object]]:
    return close(run_steps(batch_of([*BAD.values(), *GOOD]), recipe.steps)).to_pylist()


@pytest.mark.parametrize("at", range(len(BAD)), ids=[f"{one[0]}-{one[1]}" for one in BAD])
def test_the_rule_is_why_its_document_goes(judged, at):
    (domain, reason), row = list(BAD)[at], judged[at]
    assert (row["outcome"], row["reason"]) == ("rejected", reason), row["reason_score"]
    assert domain is None or row["domain"] == domain


def test_every_rule_has_its_document(recipe):
    wanted = {(name, rule.reason) for rule in recipe.rules for name in rule.domain or (None,)}
    told = {(None if reason in GENERAL else domain, reason) for domain, reason in BAD}
    assert told == wanted


def test_prose_dialogue_verse_and_classical_texts_stay(judged):
    found = judged[len(BAD) :]
    assert [(row["reason"], row["reason_score"], row["text"][:30]) for row in found
            if row["outcome"] != "kept"] == []  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (HEADER + ENGLISH + FOOTER, ENGLISH),
        (HEADER + ENGLISH, ENGLISH),
        (ENGLISH + FOOTER, ENGLISH),
        (FOOTER, ""),
        (
            "Project Gutenberg\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n"
            + CHINESE,
            CHINESE,
        ),
        (CHINESE + "End of Project Gutenberg's Clocks, by Nobody\n", CHINESE),
        ("He read of Project Gutenberg at the start of the day.", None),
        (ENGLISH, None),
    ],
)
def test_licences_are_cut_off(text, wanted):
    batch = batch_of([text, CHINESE])
    columns = Book()(batch)
    shown = columns["text"][0].as_py()
    assert shown == (text if wanted is None else wanted)
    assert columns["gutenberg_removed_chars"].to_pylist() == [len(text) - len(shown), 0]
    assert without_licence(shown) == shown and columns["text"][1].as_py() == CHINESE


@pytest.mark.skipif("SKYPILE_SHARED" not in os.environ, reason="needs the shared data")
@pytest.mark.parametrize("name", ["en_books", "zh_classical"])
def test_good_parts_of_books_are_kept(recipe, name):
    path = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus" / f"{name}.jsonl.zst"
    with path.open("rb") as file:
        rows = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()[::40]
    batch = close(run_steps(batch_of([json.loads(row)["text"] for row in rows]), recipe.steps))
    kept = batch.column("outcome").to_pylist().count("kept")
    assert kept >= 0.98 * batch.num_rows > 98
