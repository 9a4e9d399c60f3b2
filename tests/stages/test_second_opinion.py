"""The second opinion is langdetect's own, to the last bits."""

from __future__ import annotations

import langdetect
import pytest
from langdetect.lang_detect_exception import LangDetectException
from stage_texts import TEXTS

from skypile.stages.second_opinion import second_opinion

MORE = {
    "address": "siehe https://example.org/a/b oder a.b@example.org: Fähre und Schleuse",
    "capitals": "NATO und EU, die USA sagen NEIN",
    "vietnamese": "Tiê\u0301ng Viê\u0323t va\u0300 ca\u0309ng",
    "romanian": "Orașul și țara, pe malul mării",
    "mixed": "Порт открыт, the port is open, порт снова открыт для всех судов",
    "spaces": "  un   port \t est\n\nouvert  ",
    "farsi": "بندر باز است و کشتی‌ها می‌آیند",
    "greek": "Το λιμάνι είναι ανοιχτό σήμερα",
    "letters": "a b c d e",
    "signs": "+-*/ 123",
    "rare": "\U0001f600 \u0378 \x00 \ufffe",
}


def expected(text: str, seed: int) -> tuple[str | None, float]:
    langdetect.DetectorFactory.seed = seed
    try:
        best = langdetect.detect_langs(text[:1000])[0]
    except (LangDetectException, IndexError):
        return None, 0.0
    return best.lang.partition("-")[0], best.prob


@pytest.mark.parametrize("seed", [0, 20261126])
def test_it_says_what_langdetect_says(seed):
    for name, text in {**{name: text for name, (text, _) in TEXTS.items()}, **MORE}.items():
        label, chance = second_opinion(text, seed)
        wanted_label, wanted_chance = expected(text, seed)
        # Sums over languages are in another order: of names, not of the folder.
        assert label == wanted_label, name
        assert chance == pytest.approx(wanted_chance, abs=1e-9), name
