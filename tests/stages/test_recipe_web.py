"""Each rule of the default recipe rejects a document that was made for it, and for its reason.

A rule that no document can break first is dead weight in a recipe; a new rule fails here until
a document is written for it.
"""

from __future__ import annotations

import json
import random
import re
from importlib import resources

import pytest
import yaml
from documents import batch_of
from stage_texts import (
    CASINO,
    CHINESE,
    CLASSICAL,
    ENGLISH,
    GERMAN,
    MARKDOWN,
    MIXED,
    PYTHON,
    TABLE,
    TRADITIONAL,
)  # fmt: skip

from skypile.curate import close, run_steps
from skypile.policy import Rule
from skypile.recipe import Recipe, parse_recipe

WORDS = (
    "harbour", "silent", "copper", "window", "garden", "letter", "winter", "bridge", "candle",
    "market", "stone", "island", "ladder", "river", "orchard", "kettle", "blanket", "lantern",
    "meadow", "pebble", "saddle", "thread", "violin", "walnut", "anchor", "basket", "cellar",
    "feather", "hammer", "needle", "the", "of", "and", "to", "with", "that",
)  # fmt: skip
# Characters without and with grammar in them.
CONTENT = (
    "山水风雨雪云石木花草鸟鱼虫马牛羊春夏秋冬东西南北红黄蓝白黑青金银铜铁米面茶酒书画琴棋门窗桌椅"
    "灯火船桥田井城村路街店房"
)
GRAMMAR = "的是在了和有不这中为上以之而其"


def english(words: int, *, seed: int = 0) -> list[str]:
    """Return words without sense that seldom stand side by side twice."""
    rng = random.Random(seed)
    return [rng.choice(WORDS) for _ in range(words)]


def chinese(chars: int, *, seed: int = 0, of: str = CONTENT + GRAMMAR * 2) -> str:
    """Return Chinese without sense: a stop behind every twelfth character."""
    rng = random.Random(seed)
    return "".join("。" if at % 12 == 11 else rng.choice(of) for at in range(chars))


def lines(*parts: str) -> str:
    return "\n".join(parts)


def every(size: int, phrase: str, units: list[str] | str) -> list[str]:
    """Return `units` with `phrase` before each `size` of them."""
    return [part for at, unit in enumerate(units) for part in
            ((phrase, unit) if at % size == 0 else (unit,))]  # fmt: skip


# One sentence in four languages, three words of each in turn: no detector is sure of it.
TONGUES = (
    "the harbour still has two clocks on the desk of the master and no one knows which of them",
    "il porto tiene ancora due orologi sul tavolo del maestro e nessuno sa quale dica il vero",
    "el puerto guarda todavía dos relojes sobre la mesa del maestro y nadie sabe cuál dice la",
    "de haven heeft nog twee klokken op de tafel van de meester en niemand weet welke gelijk loopt",
)
TURNS = [" ".join(one.split()[at : at + 3]) for at in range(0, 18, 3) for one in TONGUES]
PARTS = [" ".join(english(12, seed=seed)) for seed in range(8)]
PROSE = english(90)
EN = {
    "mojibake": ENGLISH.replace("e ", "e\ufffd "),
    "gambling": ENGLISH + "Online casino, free spins, deposit bonus, sportsbook! " * 2,
    "boilerplate": lines(
        ENGLISH, "Privacy policy", "Sign in", "Read more", "Newsletter", "Follow us"
    ),
    "ellipsis_lines": lines(*(f"{part} ..." for part in PARTS[:4]), *PARTS[4:]),
    "too_short": "The harbour master kept two clocks on his desk, and neither of them was right.",
    "unsure_language": " ".join(TURNS),
    "short_words": "It is to be as he or we do of an I at " * 5,
    "long_words": " ".join(f"the counterrevolutionary-{word}-misunderstandings" for word in WORDS),
    "few_alphabetic_words": " ".join(every(2, "3,100", PROSE)),
    "few_stop_words": " ".join(word for word in english(90) if len(word) > 4),
    "hash_signs": " ".join(every(6, "#", ENGLISH.split())),
    "ellipses": " ".join(every(6, "...", PROSE)),
    "bullet_lines": lines(*(f"- {part}" for part in PARTS)),
    "short_lines": lines(*(" ".join(PROSE[at : at + 3]) for at in range(0, 90, 3))),
    "top_2gram": " ".join(every(7, "captain said", PROSE)),
    "top_3gram": " ".join(every(8, "in this hall", PROSE)),
    "top_4gram": " ".join(every(8, "at an end for", PROSE)),
    "duplicate_paragraphs": f"{ENGLISH}\n\n{ENGLISH}",
    "duplicate_lines": "\n\n".join(lines(part, PARTS[at % 2]) for at, part in enumerate(PARTS)),
    "duplicate_5grams": " ".join(PROSE + PROSE[:60]),
    "duplicate_10grams": " ".join(PROSE + PROSE[:32]),
}

LONG = chinese(300)
# A training course is a word of advertisements.
PLAIN = CHINESE.replace("\n", "").replace("培训班", "学习会")
KEYWORDS = [chinese(5, seed=at, of=CONTENT).replace("。", "石") for at in range(30)]
ZH = {
    "mojibake": CHINESE.replace("，", "锛"),
    "betting": CASINO,
    "games_of_chance": PLAIN + "庄家、闲家，输赢，赢钱，麻将，扑克，投注，赔率，下注，轮盘，骰宝。",
    "medical_advertisement": PLAIN + "专科医院，专家会诊，无效退款。",
    "shady_trade": PLAIN + "代写，刷单。",
    "adult_site": PLAIN + "成人网站，同城交友。",
    "novel_site": PLAIN + "加入书签，推荐票，催更，无弹窗。",
    "forum_chrome": PLAIN + "楼主，沙发，板凳，围观，帮顶。",
    "search_engine_page": PLAIN + "哪家好，多少钱，报价，厂家直销。",
    "site_chrome": PLAIN + "首页，网站地图，友情链接，关于我们。",
    "promotion": PLAIN + "根治，疗程，佣金，报价，电话，手机，热线。",
    "phone_numbers": PLAIN[:200] + "14000138000，14400138001，15400138002。",
    "broken_characters": "".join(every(40, "\ue123", PLAIN)),
    "rare_characters": "".join(every(3, "嶅濡鍙嶇", PLAIN)),
    "disguised": "".join(every(30, "①", PLAIN)),
    "keyword_list": PLAIN[:120] + "\n" + "、".join(KEYWORDS),
    "cut_summaries": lines(*(f"{chinese(40, seed=at)[:-1]}…… 阅读" for at in range(7))),
    "filled_template": "".join(
        f"{chinese(8, seed=at)}这一年登记的渔船共有{at * 13}艘停在港里。" if at % 2
        else f"{chinese(8, seed=at)}灯塔底下的水深大约是{at * 13}尺左右上下。" for at in range(24)
    ),
    "boilerplate": lines(CHINESE, "Privacy policy", "Sign in", "Newsletter", "Follow us"),
    "ellipsis_lines": lines(*(f"{chinese(20, seed=at)}……" for at in range(9)), CHINESE),
    "bullet_lines": lines(*(f"- {line}" for line in CHINESE.splitlines() if line)),
    "too_short": CHINESE[:60],
    "little_han": "2031-04-05 06:07 港 port 12.5 31.8 44.1 60.3\n" * 6,
    "no_punctuation": LONG.replace("。", ""),
    "punctuation": "".join(f"{char}，“" for char in LONG[:100]),
    "digits": "".join(f"{char}{at % 10}" for at, char in enumerate(LONG)),
    "unpunctuated": LONG + chinese(300, seed=1).replace("。", ""),
    "menu_lines": lines(*(f"{LONG[at : at + 3]}，{LONG[at + 3 : at + 7]}船" for at in
                          range(0, 294, 7))),
    "few_clauses": chinese(330).replace("。", "：")[:-1] + "。",
    "ornaments": "".join(every(25, "※", LONG)),
    "brackets": "".join(every(16, "【东山红门南北】", LONG)),
    "low_entropy": chinese(300, of="山水风雨雪云石木花草鸟鱼的是在"),
    "top_2gram": "".join(every(5, "港口", LONG)),
    "top_4gram": "".join(every(10, "海港口外", LONG)),
    "duplicate_lines": lines(*(f"{chinese(60, seed=at % 4)}" for at in range(10))),
    "duplicate_4grams": LONG * 4,
    "duplicate_8grams": LONG * 2 + LONG,
}  # fmt: skip

BLOB = "dGhlIGhhcmJvdXIgbWFzdGVyIGtlcHQgdHdvIGNsb2NrcyBvbiBoaXMgZGVzayBhbmQgbmVpdGhlciBvZiB0aGVt"
LOCK = "# yarn lockfile v1\n\n" + "".join(
    f"harbour-{at}@^1.{at}.0:\n  resolved https registry harbour office download archive\n"
    "  dependencies:\n    tidetables harbourmaster clockmaker\n"
    for at in range(9)
)
MINIFIED = "function(e,t){var n=this;return n.tides[e]=t,n.low=Math.min(n.low,t),n}" * 5
CODE = {
    "lock_file": (LOCK, "yaml"),
    "minified": (("var tides={};\n" * 5 + f"tides.put={MINIFIED}\n") * 2, "javascript"),
    "few_lines": ("x = 1\ny = 2\n", "python"),
    "many_lines": ("count = next_value(count, step)\n" * 20_001, "python"),
    "long_line": (f'{PYTHON}\nNOTE = "{"high water, low water; " * 60}"\n', "python"),
    "long_lines": (f"height = measure({', '.join(WORDS[:14])})\n" * 8, "python"),
    "few_alphanumerics": ("if (a) { ((((((((((())))))))))); }\n" * 9, "c"),
    "few_letters": (TABLE, "c"),
    "only_comments": ("# A note on the water, and on the wall.\n" * 12, "python"),
    "generated": (f"# Code generated by tide-tables. DO NOT EDIT.\n{PYTHON}", "python"),
    "data_lines": (f"{PYTHON}\nDATA = (\n{f'    {BLOB!r}{chr(10)}' * 6})\n", "python"),
    "data_file": ("[\n" + '  {"harbour": "north", "pilot": "retired"},\n' * 150 + "]\n", "json"),
    "markup": ('<div class="wide column"><span id="left">one</span></div>\n' * 20, "html"),
    "repeated_code": (PYTHON * 5, "python"),
}


def cases() -> list[tuple[str | None, str, str, str | None]]:
    """Return (domain, reason, text, programming language) of each document."""
    found: list[tuple[str | None, str, str, str | None]] = [
        (None, "empty", " \n\u3000", None),
        (None, "wrong_language", GERMAN, None),
    ]
    for domain, texts in (("en", EN), ("zh", ZH)):
        found += [(domain, reason, text, None) for reason, text in texts.items()]
    return found + [("code", reason, *document) for reason, document in CODE.items()]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """The default recipe without what needs a model."""
    data = yaml.safe_load((resources.files("skypile") / "recipes" / "web.yaml").read_text("utf-8"))
    del data["score"], data["mix"]["subset"]
    return parse_recipe(yaml.safe_dump(data, allow_unicode=True), "web.yaml")


CASES = cases()


@pytest.fixture(scope="module")
def judged(recipe) -> list[dict[str, object]]:
    """Every document with its columns and its outcome."""
    texts, langs = [case[2] for case in CASES], [case[3] for case in CASES]
    return close(run_steps(batch_of(texts, prog_lang=langs), recipe.steps)).to_pylist()


@pytest.mark.parametrize("at", range(len(CASES)), ids=[f"{one[0]}-{one[1]}" for one in CASES])
def test_the_rule_is_why_its_document_goes(recipe, judged, at):
    (domain, reason, *_), row = CASES[at], judged[at]
    assert (row["outcome"], row["reason"]) == ("rejected", reason)
    assert domain is None or row["domain"] == domain
    rule = next(one for one in recipe.rules if one.reason == reason and holds(one, domain))
    assert row["reason_limit"] == rule.limit
    if rule.limit is not None:
        assert row["reason_score"] == row[rule.column]
        assert (row[rule.column] < rule.limit) is (rule.min is not None)


def holds(rule: Rule, domain: str | None) -> bool:
    return rule.domain is None or domain in rule.domain


def test_every_rule_has_its_document(recipe):
    wanted = [(name, rule.reason) for rule in recipe.rules for name in rule.domain or (None,)]
    assert sorted(wanted, key=str) == sorted((one[:2] for one in CASES), key=str)


@pytest.mark.parametrize(
    "text", [ENGLISH, CHINESE, TRADITIONAL, CLASSICAL, MARKDOWN, MIXED, PYTHON]
)
def test_what_the_documents_were_made_from_is_kept(recipe, text):
    """Else a document would go for what it was made from, and not for what was done to it."""
    batch = close(run_steps(batch_of([text, text + "\n"]), recipe.steps))
    assert batch.column("outcome").to_pylist() == ["kept", "kept"]


def test_prose_without_sense_breaks_no_rule(recipe):
    batch = close(run_steps(batch_of([" ".join(PROSE) + ".", LONG]), recipe.steps))
    assert batch.column("reason").to_pylist() == [None, None]


def test_the_bundled_sample(recipe, sample):
    """Good documents are kept without a model; junk goes, but for what only a model can see."""
    rows = [json.loads(line) for name in ("web-en", "web-zh")
            for line in (sample / f"{name}.jsonl").read_text("utf-8").splitlines()]  # fmt: skip
    batch = close(run_steps(batch_of([row["text"] for row in rows]), recipe.steps))
    kept = {row["id"]: outcome == "kept" for row, outcome in
            zip(rows, batch.column("outcome").to_pylist(), strict=True)}  # fmt: skip
    junk = re.compile(r"spam|boiler|repe|stub|wrong|lorem|adult|blank|empty|mojibake|stuffing")
    assert [name for name, stays in kept.items() if not stays and not junk.search(name)] == []
    stays = {name for name in kept if kept[name] and junk.search(name)}
    assert stays <= {"en-spam-2", "en-spam-3"}
