"""Each rule of zh_v1 rejects a document that was made for it, which no other rule would reject."""

from __future__ import annotations

import importlib.util
import random
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from documents import batch_of
from stage_texts import CASINO, CHINESE, CLASSICAL, MENU, MIXED, TRADITIONAL

from skypile.curate import annotate, close, run_steps
from skypile.kernels.chinese_table import FLAGS, RARE
from skypile.policy import broken
from skypile.recipe import load_recipe

DATA = Path(__file__).parents[1] / "data"
GOOD = yaml.safe_load((DATA / "zh_good.yaml").read_text("utf-8"))
RECIPE = load_recipe("zh_v1")
CONTENT = (
    "山水风雨雪云石木花草鸟鱼虫马牛羊春夏秋冬东西南北红黄蓝白黑青金银铜铁米面茶酒书画琴棋门窗桌椅"
    "灯火船桥田井城村路街店房"
)
GRAMMAR = "的是在了和有不这中为上以之而其"
LETTERS = "abcdefghjkmnpqrstuvwxyz"
# A training course is a word of advertisements.
PROSE = CHINESE.replace("\n", "").replace("培训班", "学习会")
JAPANESE = (
    "港の上の坂道に小さな郵便局があり、局長は毎朝六時に窓を開けて海を眺める。町の人々は彼が何を待っている"
    "のか知らないが、冬の間だけ届く一通の手紙の中に、北の島の灯台守の暮らしが書かれているという。返事を出した"
    "ことは一度もない。"
)
RARE_CHARS = [chr(code) for code in range(0x5000, 0x9FA0) if FLAGS[code] & RARE][::97]


def chinese(chars: int, *, seed: int = 0, of: str = CONTENT + GRAMMAR * 2, stop: int = 12) -> str:
    """Return Chinese without sense: a stop behind every so many characters."""
    rng = random.Random(seed)
    return "".join("。" if at % stop == stop - 1 else rng.choice(of) for at in range(chars))


def every(size: int, part: str, text: str) -> str:
    return "".join(text[at : at + size] + part for at in range(0, len(text), size))


def lettered(text: str, seed: int) -> str:
    """Return the text with two letters, always other ones, behind each character."""
    rng = random.Random(seed)
    return "".join(char + rng.choice(LETTERS) + rng.choice(LETTERS) for char in text)


def shuffled(size: int, pieces: int, repeats: int) -> str:
    """Return pieces of so many characters, each said so often, in another order each time."""
    rng = random.Random(1)
    whole = [chinese(size, seed=at, stop=99) for at in range(pieces)]
    return "。".join("，".join(rng.sample(whole, pieces)) for _ in range(repeats))


def items(count: int) -> str:
    return "、".join(chinese(5, seed=at, of=CONTENT, stop=99) for at in range(count))


LONG = chinese(300)
MARKS = "，。、；：！“”（）—…？"
TEMPLATES = (
    "这一年登记的渔船共有{}艘停在港里。",
    "灯塔底下的水深大约是{}尺左右上下。",
    "离下一次渔汛到来还有{}天可以准备。",
    "集市上的价格已经涨到{}文钱买一斤。",
)
MIXED_SIGNS = "".join(
    f"{CONTENT[at]} {chr(97 + at % 26)}{chr(97 + at * 7 % 26)} ({at * 37 % 997:03d}) "
    f"[{at * 91 % 983:03d}] {{{at * 53 % 97:02d}}} +-*/\n"
    for at in range(24)
)
DOCUMENTS = {
    "wrong_language": JAPANESE,
    "too_short": PROSE[:90],
    "little_han": MIXED_SIGNS,
    "broken_characters": every(40, "\ue123", PROSE),
    "mojibake": PROSE.replace("海", "烫烫"),
    "rare_characters": "".join(
        char + (RARE_CHARS[at % len(RARE_CHARS)] if at % 3 == 0 else "")
        for at, char in enumerate(PROSE)
    ),
    "disguised": every(30, "①", PROSE),
    "betting": PROSE + "这是华体会。",
    "games_of_chance": PROSE + "玩家、庄家、闲家，输赢，赢钱，麻将，扑克，投注，赔率，下注，轮盘。",
    "medical_advertisement": PROSE + "专科医院，专家会诊，无效退款。",
    "shady_trade": PROSE + "代写，刷单。",
    "adult_site": PROSE + "成人网站，同城交友。",
    "novel_site": PROSE + "加入书签，推荐票，催更，无弹窗。",
    "forum_chrome": PROSE + "楼主，沙发，板凳，围观，帮顶。",
    "search_engine_page": PROSE + "多少钱，报价，厂家直销。",
    "contacts": PROSE + "电话、手机，联系人，热线，电话，手机。",
    "site_chrome": PROSE + "首页，网站地图，友情链接，关于我们。",
    "promotion": PROSE + "根治，疗程，佣金，报价，厂家，电话，手机，热线。",
    "phone_numbers": PROSE[:200] + "14000138000，14400138001，15400138002。",
    "keyword_list": PROSE[:120] + "\n" + items(30),
    "cut_summaries": "\n".join(chinese(40, seed=at)[:-1] + "……" for at in range(7)),
    "boilerplate": PROSE + "\nPrivacy policy\nSign in\nNewsletter\nFollow us",
    "few_clauses": chinese(330).replace("。", "：")[:-1] + "。",
    "unpunctuated": PROSE + chinese(230, seed=1, stop=999),
    "no_punctuation": chinese(600, stop=100),
    "punctuation": "".join(f"{char}{MARKS[at % 13]}{MARKS[at * 5 % 11]}"
                           for at, char in enumerate(LONG[:150])),
    "digits": "".join(f"{char}{at * 7 % 10}" for at, char in enumerate(LONG)),
    "menu_lines": "\n".join(f"{LONG[at : at + 3]}，{LONG[at + 3 : at + 7]}船"
                            for at in range(0, 294, 7)).replace("。", "的"),
    "bullet_lines": "\n".join(f"- {chinese(24, seed=at)}" for at in range(12)),
    "ornaments": every(25, "■", PROSE),
    "brackets": "".join(f"{chinese(12, seed=at)}【{chinese(9, seed=50 + at, stop=99)}】"
                        for at in range(14)),
    "low_entropy": chinese(300, of="山水风雨雪云石木花草鸟鱼的是在"),
    "said_again": "\n".join(lettered(chinese(60), at) for at in range(6)),
    "filled_template": "".join(chinese(8, seed=at) + TEMPLATES[at % 4].format(at * 13)
                               for at in range(32)),
    "top_phrase": "".join(f"老渔民张海生{chinese(14, seed=at)}" for at in range(16)),
    "top_2gram": "".join(f"港口{LONG[at : at + 5]}" for at in range(0, 250, 5)),
    "top_4gram": "".join(f"海港口外{chinese(10, seed=at, stop=9)}" for at in range(24)),
    "duplicate_lines": "\n".join(chinese(60, seed=at % 4) for at in range(9)),
    "duplicate_4grams": shuffled(5, 30, 5),
    "duplicate_8grams": shuffled(11, 9, 3) + chinese(20, seed=99),
}  # fmt: skip


def breaches(texts: list[str]) -> list[list[str]]:
    """Return the reasons of all rules that each text breaks, whatever it breaks before."""
    batch = batch_of(texts)
    for step in RECIPE.steps:
        batch = annotate(batch, step.stages)
    rules = [rule for step in RECIPE.steps for rule in step.rules]
    hits = {rule.reason: broken(rule, batch) for rule in rules}
    return [[reason for reason, hit in hits.items() if hit[row]] for row in range(len(texts))]


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    return dict(zip(DOCUMENTS, breaches(list(DOCUMENTS.values())), strict=True))


@pytest.mark.parametrize("reason", DOCUMENTS)
def test_the_rule_and_no_other_rejects_its_document(found, reason):
    assert found[reason] == [reason]


def test_every_rule_has_its_document():
    rules = [rule.reason for step in RECIPE.steps for rule in step.rules]
    assert sorted(rules) == sorted([*DOCUMENTS, "empty"])
    assert breaches([" \n\u3000"])[0][0] == "empty"


@pytest.mark.parametrize("text", [CHINESE, TRADITIONAL, CLASSICAL, MIXED, PROSE, LONG])
def test_what_the_documents_were_made_from_breaks_no_rule(text):
    assert breaches([text]) == [[]]


@pytest.mark.parametrize("register", GOOD)
def test_good_documents_of_registers_that_no_data_covers_are_kept(register):
    """A sanity check on texts written for it, not a measurement."""
    texts = list(GOOD[register])
    assert dict(zip(texts, breaches(texts), strict=True)) == {text: [] for text in texts}


def test_a_report_on_casinos_is_kept():
    report = (
        "市博彩监察部门昨天公布了去年的数据。报告说，全市赌场的收入比前年下降了一成二，其中贵宾厅的"
        "部分下降得最多。监察员走访了十一家场所，检查了老虎机的设置和员工的执照，对三家作出了罚款的"
        "决定。负责人在发布会上说，博彩业的税收不应当成为城市唯一的依靠，今年将把更多的资金投向会展"
        "和文化。一位在赌场工作了二十年的荷官告诉记者，她更担心的是年轻人沉迷网上的投注，“他们连输给"
        "了谁都不知道”。心理援助热线去年接到的来电里，有四成和赌博有关，比五年前多了一倍。学者认为，"
        "与其等到欠债之后再救助，不如在学校里就讲清楚概率的道理，让孩子们知道庄家为什么总是赢。"
    )
    assert breaches([report]) == [[]]


def test_texts_of_the_sample_kinds_go():
    assert all(breaches([CASINO, MENU]))


def test_punctuation_is_never_rewritten():
    """Full-width marks and digits stay what they are: no stage of the recipe rewrites the text."""
    assert not any(stage.rewrites for step in RECIPE.steps for stage in step.stages)
    text = PROSE + "（１）“甲”，《乙》；【丙】：丁……戊——己！？．"
    done = close(run_steps(batch_of([text]), RECIPE.steps))
    assert done.column("text").to_pylist() == [text]
    assert done.column("outcome").to_pylist() == ["kept"]


def test_the_outcome_is_that_of_the_first_rule():
    texts = [DOCUMENTS["betting"], DOCUMENTS["low_entropy"]]
    done = close(run_steps(batch_of(texts), RECIPE.steps)).to_pylist()
    assert [row["reason"] for row in done] == ["betting", "low_entropy"]
    assert [row["reason_limit"] for row in done] == [0.004, 3.3]


def made_up() -> ModuleType:
    """Return the module that writes bad pages: benchmarks are no package."""
    path = Path(__file__).parents[2] / "benchmarks" / "zh_bad_pages.py"
    spec = importlib.util.spec_from_file_location("zh_bad_pages", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_made_up_pages_are_different_and_go():
    pages = made_up()
    kinds = [kind for kind in pages.KINDS if kind != "gambling"]  # a third of its pages stay
    texts = [text for kind in kinds for text in pages.bad_pages("heldout", kind, 4)]
    assert len(set(texts)) == len(texts) and min(map(len, texts)) >= pages.MIN_CHARS
    assert texts[:4] == pages.bad_pages("heldout", kinds[0], 4)
    done = close(run_steps(batch_of(texts), RECIPE.steps))
    assert set(done.column("outcome").to_pylist()) == {"rejected"}


def test_templates_for_tuning_and_for_reporting_share_no_sentence():
    folder = Path(__file__).parents[2] / "benchmarks" / "zh_bad"
    dev, heldout = (
        set(re.findall(r"[\u4e00-\u9fff，]{9,}", (folder / f"{part}.yaml").read_text("utf-8")))
        for part in ("dev", "heldout")
    )
    assert len(dev) > 100 and len(heldout) > 100 and not dev & heldout
