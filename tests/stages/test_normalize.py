"""Normalisation: what is repaired, what is taken out, and what stays as it is."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_batches import batch_of
from stage_texts import CHINESE, CLASSICAL, ENGLISH, TEXTS, TRADITIONAL

from skypile.recipe import parse_recipe
from skypile.stages import normalize_compose
from skypile.stages.normalize import Normalize

FRENCH = "Été comme hiver, l’île est déserte : « où va-t-on\xa0? » — à Nîmes, cœur d’artichaut…\n"
GERMAN = (
    "„Größe ist nicht alles“, sagte Ärzte-Chef Öztürk – für 5 €/m² wäre’s übrig. SPASS, „Groß“\n"
)
POLISH = "Zażółć gęślą jaźń; Łódź i Śląsk: „wąż”, ćma.\n"
VIETNAMESE = "Người Việt ở Hà Nội nói “được…” rồi đi về phía Đông. ĐÃ… và MÃ”\n"
PORTUGUESE = "A IRMÃ… “MANHÔ disse: não há pão — só maçã.\n"
RUSSIAN = "Съешь ещё этих мягких французских булок, да выпей «чаю» № 5.\n"
HANDBOOK = "Sequences like “Ã©” or Ã¨” or «Ã§» are probably UTF-8 that was read as ISO-8859-1.\n"
PROPER = (FRENCH, GERMAN, POLISH, VIETNAMESE, PORTUGUESE, RUSSIAN, HANDBOOK, ENGLISH, CHINESE,
          TRADITIONAL, CLASSICAL)  # fmt: skip
CAREFUL = "“It’s 5 °C – naïve café,” said Zoë. Prices in €: £3, ¥20; ½ ± 2²…\n"


def run(text: str, prog_lang: str | None = None, **options: object) -> tuple[str, dict[str, int]]:
    """Return the text and the counts that are not 0."""
    row = {k: v[0].as_py() for k, v in Normalize(**options)(batch_of([text], [prog_lang])).items()}
    return row.pop("text"), {name: count for name, count in row.items() if count}


def latin(text: str, codec: str = "cp1252", times: int = 1) -> str:
    """Return `text` as UTF-8 read as `codec` looks; bytes that cp1252 lacks as C1 controls."""
    for _ in range(times):
        data = text.encode()
        text = "".join(bytes((b,)).decode(codec, "ignore") or chr(b) for b in data)
    return text


def gbk(text: str, times: int = 1, codec: str = "gb18030") -> str:
    for _ in range(times):
        text = text.encode().decode(codec, "replace")
    return text


@pytest.mark.parametrize("text", PROPER, ids=range(len(PROPER)))
def test_proper_text_stays_byte_for_byte(text):
    assert run(text) == (text, {})
    assert run(text.rstrip("\n")) == (text.rstrip("\n"), {})


@pytest.mark.parametrize(("codec", "times"), [("cp1252", 1), ("latin-1", 1), ("cp1252", 2)])
@pytest.mark.parametrize("text", [CAREFUL, FRENCH, POLISH, RUSSIAN, CHINESE, "🙂 fine 👍🏽\n"])
def test_utf8_read_as_latin_comes_back(text, codec, times):
    repaired, counts = run(latin(text, codec, times))
    assert repaired == text
    assert counts["mojibake_repaired_chars"] > sum(char > "\x7f" for char in text)


@pytest.mark.parametrize(("codec", "most"), [("gb18030", 0.05), ("gbk", 0.16)])
@pytest.mark.parametrize("text", [CHINESE, TRADITIONAL])
def test_utf8_read_as_gbk_comes_back_but_for_what_was_lost(text, codec, most):
    """Lost are the last byte before each line's end and what the codec cannot show."""
    repaired, counts = run(gbk(text, codec=codec))
    assert len(repaired) == len(text)
    assert all(a in (b, "\ufffd") for a, b in zip(repaired, text, strict=True))
    assert counts["replacement_count"] <= most * len(text)


def test_utf8_read_as_gbk_twice_comes_back_in_part():
    repaired, counts = run(gbk(CHINESE, 2))
    assert sum(char in repaired for char in set(CHINESE)) > 0.9 * len(set(CHINESE))
    assert 0 < counts["replacement_count"] < 0.1 * len(CHINESE)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cafÃ©, Brianâ€™s", "café, Brian’s"),
        ("an aside â€” and an endâ€\ufffd", "an aside — and an end”"),
        ("Ã€ la carte; voilÃ\xa0 !", "À la carte; voilà !"),
        ("25Â°C, Â© 2019, helloÂ\xa0world", "25°C, © 2019, hello\xa0world"),
        ("naÃ¯ve “Ã©” in one line", "naïve “é” in one line"),
        ("don鈥檛 and 鈥渢he end", "don’t and “the end"),
        ("标题：鏄庡ぉ浼氭洿濂藉悧，真的", "标题：明天会更好吗，真的"),
        ("鏄庡ぉ浼氭洿濂?\n下一行", "明天会更\ufffd\n下一行"),
        ("\x93Quoted\x94 \x97 it\x92s", "“Quoted” — it’s"),
        ("在应用禀\x8b序间", "在应用禀序间"),
        ("ï»¿Title ⚠ï¸\x8f", "Title ⚠\ufe0f"),
        ("TrÆ°á»›c; maÈ™inÄƒ; nÇ\x8e", "Trước; mașină; nǎ"),
        # Nothing leads back from these.
        ("锟斤拷锟斤拷", "锟斤拷锟斤拷"),
        ("一个�，锛?鈥?", "一个�，锛?鈥?"),
        # Proper, though it decodes.
        ("« été\xa0» et «\xa0là\xa0»", "« été\xa0» et «\xa0là\xa0»"),
        ("Å² and 10 Å± 0.5; Ã² is Ã squared", "Å² and 10 Å± 0.5; Ã² is Ã squared"),
        ("涓涓细流，鑫鑫百货，鏖战", "涓涓细流，鑫鑫百货，鏖战"),
        ("está»… “Groß“ BLÅ” CAFÉ» È…", "está»… “Groß“ BLÅ” CAFÉ» È…"),
    ],
)
def test_cases_of_broken_decoding(text, wanted):
    assert run(text)[0] == wanted


@pytest.mark.parametrize(
    ("text", "wanted", "counts"),
    [
        ("a\r\nb\rc\x85\u2028d\x0ce\x0bf", "a\nb\nc…\nd\ne\nf", {"line_end_count": 5}),
        ("a\x00b\x1b[0mc\x7f\ufffc\ufdd0", "ab[0mc", {"control_count": 5}),
        ("a\u200bb\ufeffc\u2060d\u200de", "abcde", {"zero_width_count": 4}),
        ("中\u200b文\u200c字\ufe0f", "中文字\ufe0f", {"zero_width_count": 2}),
        ("可以\u202e反转\u200e的", "可以反转的", {"bidi_count": 2}),
        ("Sun\xadday, ls \xadl, ntfs\xad3g", "Sunday, ls -l, ntfs-3g", {"zero_width_count": 3}),
        ("hyphen\xad\nated", "hyphen-\nated", {"zero_width_count": 1}),
        ("  AD  \xad  SOFT HYPHEN", "  AD  \xad  SOFT HYPHEN", {}),
        ("می\u200cخواهم \u200fآن", "می\u200cخواهم \u200fآن", {}),
        ("क्\u200dष ശ്രീ\u200d ភាសា\u200bខ្មែរ",
         "क्\u200dष ശ്രീ\u200d ភាសា\u200bខ្មែរ", {}),
        ("👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f⃣",
         "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f⃣", {}),
        ("葛\U000e0100城 \U0001f3f4\U000e0067\U000e007f",
         "葛\U000e0100城 \U0001f3f4\U000e0067\U000e007f", {}),
        ("hidden\U000e0068\U000e0069 a\ufe0f", "hidden a", {"zero_width_count": 3}),
        ("e\u0301 \u2126 か\u3099", "é Ω が", {"nfc_count": 3}),
        ("２０２６年，Ａ、１。", "２０２６年，Ａ、１。", {}),
        ("烫烫烫烫 屯屯屯 烫烫 锟斤拷 \ufffd", "烫烫烫烫 屯屯屯 烫烫 锟斤拷 \ufffd",
         {"mojibake_lost_chars": 10, "replacement_count": 1}),
        ("line  \n&nbsp;&amp;\t\n", "line  \n&nbsp;&amp;\t\n", {}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_cases_of_characters(text, wanted, counts):
    shown, found = run(text)
    removed = found.pop("normalize_removed_chars", 0)
    found.pop("mojibake_repaired_chars", 0)
    assert (shown, found, removed) == (wanted, counts, max(0, len(text) - len(wanted)))


def test_what_the_options_do():
    text = "a \t\r\n１，Ａ\u200b &amp;lt;&#20013;&bogus; e\u0301\x00 \u202ecafÃ©"
    assert run(text)[0] == "a \t\n１，Ａ &amp;lt;&#20013;&bogus; é cafÃ©".replace("Ã©", "é")
    assert run(text, trailing_spaces=True)[0].startswith("a\n")
    assert "1，A" in run(text, full_width=True)[0]
    assert " <中&bogus; " in run(text, entities=True)[0]
    off = dict.fromkeys(("nfc", "mojibake", "controls", "directions", "zero_width", "line_ends"))
    assert run(text, **dict.fromkeys(off, False)) == (text, {})
    for name in off:
        kept = run(text, **{name: False})[0]
        assert kept != run(text)[0] and kept != text, name
    assert run("x &#59; &am&#112;;lt; &#xD800; &notin;", entities=True)[0] == "x ; < &#xD800; ∉"


def test_source_files_only_have_their_line_ends_made_one():
    text = 'x = "e\u0301\u200b Ã©\x00"\r\n'
    assert run(text, "python") == (
        text.replace("\r", ""),
        {"line_end_count": 1, "normalize_removed_chars": 1},
    )
    assert run(text, "markdown")[0] == run(text)[0] == 'x = "é é"\n'.replace(" é", " Ã©")


PIECES = st.sampled_from([
    *"\x00\r\n\t \x85\xa0\xad\u200b\u200c\u200d\u2028\u202e\ufe0f\ufeff\ufffd\u0301\u0323\u1161",
    *"ÃÂâ€™œ鈥锛屾锟斤拷烫中aé1&;#", "Ã©", "â€™", "Ã\x83", "鈥檚", "&amp;", "&#195;", "👩",
    latin("é", times=2), latin("中文"), gbk("中文，好"), gbk("中文，好", 2), "آ", "ก\u0e38\u0e48",
])  # fmt: skip
HOSTILE = st.lists(PIECES | st.characters(codec="utf-8"), max_size=30).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(HOSTILE, max_size=3), st.sets(st.sampled_from(
    ["entities", "trailing_spaces", "full_width"])))  # fmt: skip
def test_a_text_is_not_changed_twice_and_is_nfc(texts, options):
    stage = Normalize(**dict.fromkeys(options, True))
    once = stage(batch_of(texts))["text"]
    assert stage(batch_of(once.to_pylist()))["text"].equals(once)
    assert all(unicodedata.is_normalized("NFC", text) for text in once.to_pylist())


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_without_anything_to_do_nfc_is_all_that_is_done(text):
    only = Normalize(**dict.fromkeys(
        ("mojibake", "controls", "directions", "zero_width", "line_ends"), False))  # fmt: skip
    assert only(batch_of([text]))["text"][0].as_py() == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "unit", ["a" + "\u0301\u0323" * 4_000, "Ã\x83" * 4_000, "Ã" + "\x83" * 8_000,
             "\u200d" * 8_000, "锛屾" * 3_000, "鈥?" * 2_000, "&amp;" * 2_000,
             "\xad \xad\t\n" * 2_000, "\u1161" * 8_000,
             latin("é", times=9) * 3, "é\xa0»" * 3_000, "🏴\U000e0067" * 4_000]
)  # fmt: skip
def test_passes_do_not_grow_with_hostile_text(unit, monkeypatch):
    passes = []
    one = Normalize._pass
    monkeypatch.setattr(Normalize, "_pass", lambda *a: passes.append(1) or one(*a))
    stage = Normalize(entities=True, trailing_spaces=True)
    stage(batch_of([unit]))
    first = len(passes)
    stage(batch_of([unit * 4]))
    assert len(passes) - first <= first + 1 <= 6


def test_long_runs_of_marks_are_sorted_before_python_may(monkeypatch):
    """Python sorts by insertion, so a run in which each mark must move takes quadratic time."""
    shown: list[str] = []
    normalize = unicodedata.normalize
    spy = SimpleNamespace(normalize=lambda form, text: shown.append(text) or normalize(form, text))
    monkeypatch.setattr(normalize_compose, "unicodedata", spy)
    text = "a" + "\u0301\u0323\u0327" * 20_000 + "b" + "\u0323\u0301" * 200
    ordered = "a" + "".join(mark * 20_000 for mark in "\u0327\u0323\u0301")
    ordered += "b" + "\u0323" * 200 + "\u0301" * 200
    assert run(text)[0] == normalize("NFC", ordered)
    for each in shown:
        classes = [unicodedata.combining(char) for char in each]
        moves = sum(0 < b < a for a, b in pairwise(classes))
        assert len(each) <= 30 or moves == 0


RECIPE = """
name: small
steps:
  - stages: [normalize, counts]
    rules: [{reason: broken, column: replacement_count, max: 2}]
dedup: null
mix: null
"""


def test_a_recipe_may_test_its_columns():
    assert parse_recipe(RECIPE, "small.yaml").steps[0].stages[0].rewrites


def test_stays_one_batch_whatever_is_in_it():
    texts = [*(text for text, _ in TEXTS.values()), gbk(CHINESE), latin(FRENCH), "a\r\n", ""]
    whole = Normalize()(batch_of(texts))
    for row, text in enumerate(texts):
        alone = Normalize()(batch_of([text]))
        assert {k: v[row].as_py() for k, v in whole.items()} == {
            k: v[0].as_py() for k, v in alone.items()
        }
    empty = Normalize()(batch_of([]))
    assert all(len(column) == 0 for column in empty.values()) and pa.types.is_string(
        empty["text"].type
    )
