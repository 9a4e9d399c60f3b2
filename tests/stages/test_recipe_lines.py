"""Each rule of the recipes that follow published chains rejects a document made for it."""

from __future__ import annotations

import random

import pytest
from documents import batch_of
from stage_texts import CHINESE, ENGLISH, GERMAN, KOREAN
from test_recipe_web import CONTENT, EN, LONG, PARTS, TURNS, WORDS, chinese, english, every, lines

from skypile.curate import close, run_steps
from skypile.policy import Rule
from skypile.recipe import load_recipe

# Prose as pages have it: no line ends within a paragraph.
EN_PAGE = "\n".join(" ".join(part.split()) for part in ENGLISH.split("\n\n"))
ZH_PAGE = "\n".join("".join(part.split()) for part in CHINESE.split("\n\n"))
SAID = [f"{part.capitalize()}." for part in PARTS]
SHORT = ("it", "is", "to", "be", "as", "he", "or", "we", "do", "of", "an", "I", "at", "in", "so")


def again(units: list[str], share: float) -> list[str]:
    """Return `units` with so many of the first said again that these are `share` of all."""
    count, chars = 0, sum(map(len, units))
    said = 0
    while said < share * (chars + said):
        said += len(units[count])
        count += 1
    return units + units[:count]


def apart(units: list[str], size: int) -> list[str]:
    """Return `units` as lines of `size`, each with its end mark."""
    return [" ".join(units[at : at + size]).capitalize() + "." for at in range(0, len(units), size)]


C4 = {
    ("lorem_ipsum", "c4_lorem_ipsum_count"): f"{EN_PAGE}\nThen came lorem ipsum and no more.",
    ("braces", "c4_brace_count"): f"{EN_PAGE}\nThen came a {{ and no more.",
    ("few_sentences", "c4_sentences_count"): lines(*PARTS, *SAID[:4]),
    ("wrong_language", "domain"): GERMAN.replace(". ", ".\n") * 2,
}
REFINEDWEB = {
    ("lines_removed", "refinedweb_removed_word_frac"): EN_PAGE + "\nOPEN NOW TO ALL" * 3,
    ("wrong_language", "domain"): GERMAN,
    ("unsure_language", "language_score"): " ".join(TURNS),
}
rng = random.Random(1)
MANY = english(300, seed=7)
FINEWEB = {
    ("wrong_language", "domain"): GERMAN,
    ("unsure_language", "language_score"): " ".join(TURNS),
    ("duplicate_paragraphs", "dup_paragraph_frac"): "\n\n".join([EN_PAGE, *["So it was."] * 3]),
    ("duplicate_paragraphs", "dup_paragraph_char_frac"): "\n\n".join([*SAID[:7], *SAID[:2]]),
    ("duplicate_lines", "dup_line_frac"): lines(*SAID, *["And so."] * 5),
    ("duplicate_lines", "dup_line_char_frac"): lines(*SAID[:5], *SAID[:2], *apart(MANY[:9], 3)),
    ("top_2gram", "top_2gram_frac"): EN["top_2gram"],
    ("top_3gram", "top_3gram_frac"): EN["top_3gram"],
    ("top_4gram", "top_4gram_frac"): EN["top_4gram"],
    **{
        (f"duplicate_{size}grams", f"dup_{size}gram_frac"): " ".join(again(MANY, share))
        for size, share in ((5, 0.17), (6, 0.146), (7, 0.136), (8, 0.126), (9, 0.116), (10, 0.106))
    },
    ("too_short", "words_count"): EN["too_short"],
    ("too_long", "words_count"): " ".join(english(100_001)),
    ("short_words", "word_mean_chars"): " ".join(rng.choice(SHORT) for _ in range(90)),
    ("long_words", "word_mean_chars"): EN["long_words"],
    ("hash_signs", "hash_word_frac"): EN["hash_signs"],
    ("ellipses", "ellipsis_word_frac"): EN["ellipses"],
    ("bullet_lines", "bullet_line_frac"): EN["bullet_lines"],
    ("ellipsis_lines", "ellipsis_line_frac"): EN["ellipsis_lines"],
    ("few_alphabetic_words", "alpha_word_frac"): EN["few_alphabetic_words"],
    ("few_stop_words", "stop_words_count"): EN["few_stop_words"],
    ("lorem_ipsum", "c4_lorem_ipsum_count"): f"{EN_PAGE}\nThen came lorem ipsum and no more",
    ("braces", "c4_brace_count"): f"{EN_PAGE}\nThen came a {{ and no more",
    ("few_sentences", "c4_sentences_count"): " ".join(english(120)),
    ("few_line_ends", "terminal_line_frac"): lines(*(f"{one} So it goes" for one in SAID)),
    ("short_lines", "line_upto_30_frac"): lines(*apart(english(90), 3)),
    ("duplicate_line_chars", "dup_line_char_frac"): lines(*apart(MANY, 12), apart(MANY, 12)[0]),
    ("list", "newline_word_ratio"): lines(
        *(f"{one} {SHORT[at % 10]} it." for at, one in enumerate(WORDS[:30:2])),
        *(f"{WORDS[at].capitalize()}master remembers {WORDS[at + 20]}men." for at in range(10)),
    ),
}
TEN = [chinese(60, seed=at) for at in range(10)]
FINEWEB2 = {
    ("wrong_language", "domain"): ENGLISH,
    ("unsure_language", "language_score"): LONG + KOREAN * 2,
    ("duplicate_lines", "dup_line_frac"): lines(*TEN, *["是的，他来了。"] * 6),
    ("top_3gram", "top_3gram_frac"): "".join(every(7, "海港口", LONG)),
    ("top_4gram", "top_4gram_frac"): "".join(every(13, "海港口外", LONG)),
    **{
        (f"duplicate_{size}grams", f"dup_{size}gram_frac"): "".join(again(list(LONG), share))
        for size, share in ((9, 0.24), (10, 0.19), (13, 0.17))
    },
    ("few_line_ends", "terminal_line_frac"): lines(*(f"{one}东西" for one in TEN)),
    ("duplicate_line_chars", "dup_line_char_frac"): lines(*TEN[:8], TEN[0]),
    ("list", "line_mean_chars"): lines(*(f"{LONG[at : at + 7]}。" for at in range(0, 280, 7))),
    ("too_short", "chars_count"): CHINESE.split("\n")[0] + "他说，这门手艺是父亲教的。",
    ("too_long", "chars_count"): chinese(190_000) + "。",
    ("bullet_lines", "bullet_line_frac"): lines(*(f"- {line}" for line in TEN)),
    ("ellipsis_lines", "ellipsis_line_frac"): lines(*TEN[:5], *(f"{one}……" for one in TEN[5:])),
    ("few_letters", "punct_frac"): "".join(every(5, "，", LONG)),
    ("few_stop_words", "function_chars_count"): chinese(300, of=CONTENT),
}
RECIPES = {"c4": C4, "refinedweb-lines": REFINEDWEB, "fineweb": FINEWEB, "fineweb2-zh": FINEWEB2}
CASES = [(name, key, text) for name, documents in RECIPES.items()
         for key, text in documents.items()]  # fmt: skip


def rule_of(name: str, key: tuple[str, str]) -> Rule:
    """Return the rule of that reason and column; of two, the one that is not tested on words."""
    return next(rule for rule in load_recipe(name).rules if (rule.reason, rule.column) == key)


@pytest.mark.parametrize(("name", "key", "text"), CASES, ids=[f"{c[0]}-{c[1][1]}" for c in CASES])
def test_the_rule_is_why_its_document_goes(name, key, text):
    rule = rule_of(name, key)
    row = close(run_steps(batch_of([text]), load_recipe(name).steps)).to_pylist()[0]
    assert (row["outcome"], row["reason"], row["reason_limit"]) == ("rejected", key[0], rule.limit)
    if rule.limit is not None:
        assert row["reason_score"] == row[rule.column]


@pytest.mark.parametrize("name", RECIPES)
def test_every_rule_has_its_document_and_its_source(name):
    rules = load_recipe(name).rules
    assert sorted((rule.reason, rule.column) for rule in rules) == sorted(
        key for recipe, key, _ in CASES if recipe == name
    )
    assert all(rule.source for rule in rules)


@pytest.mark.parametrize(
    ("name", "text"),
    [("c4", EN_PAGE), ("refinedweb-lines", EN_PAGE), ("fineweb", EN_PAGE), ("fineweb2-zh", ZH_PAGE),
     ("fineweb2-zh", LONG), ("fineweb", lines(*SAID))],
)  # fmt: skip
def test_what_the_documents_were_made_from_is_kept(name, text):
    batch = close(run_steps(batch_of([text]), load_recipe(name).steps))
    assert batch.column("reason").to_pylist() == [None]
    assert batch.column("text").to_pylist() == [text]
