"""Find items by datatrove's NGramsDecontFilter; started by decontaminate.py in its environment.

Reads JSON lines from standard input. The first has `items`, `lang` (en, zh) and `n`, and is
answered when its hashes are written. Each other one has `texts` and `words`: whether words are what
stands between white space (en) or each character (zh), as in a corpus of letters alone, or
datatrove's own. Answers with `flagged` for each text, and CPU-seconds for all.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

Document: Any = importlib.import_module("datatrove.data").Document
DECONT: Any = importlib.import_module("datatrove.pipeline.decont.n_grams")
TEXT: Any = importlib.import_module("datatrove.utils.text")
LANGUAGES = {"en": "eng_Latn", "zh": "cmn_Hani"}


class Plain:
    """Words at white space, or characters."""

    def __init__(self, lang: str) -> None:
        self._chars = lang == "zh"

    def word_tokenize(self, text: str) -> list[str]:
        """Return the words."""
        return list("".join(text.split())) if self._chars else text.split()


def filters(items: list[str], lang: str, n: int, folder: str) -> dict[bool, Any]:
    """Return the filter for plain words (True) and for datatrove's own."""
    config = DECONT.NGramsDecontConfig(n_grams=n)
    found = {}
    for plain in (True, False):
        place = Path(folder) / str(plain)
        place.mkdir()
        filter_ = DECONT.NGramsDecontFilter(str(place), config=config, language=LANGUAGES[lang])
        if plain:
            filter_.tokenizer = Plain(lang)
            # Hashes of items in its own words take minutes, and change no speed: each text is read
            # to its end, but for the one in a hundred with an item.
            hashes = {
                filter_.hash_func(" ".join(gram))
                for item in items
                for gram in TEXT.ngrams(
                    filter_.tokenizer.word_tokenize(TEXT.simplify_text(item, config.norm_config)), n
                )
            }
        array = np.array(list(hashes), dtype=config.hash_config.np_descr)
        array.tofile(str(place / "made.index.hashes"))
        filter_.load_index_hashes()
        found[plain] = filter_
    return found


def main() -> None:
    """Answer questions until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as folder:
        first = json.loads(sys.stdin.readline())
        made = filters(first["items"], first["lang"], first["n"], folder)
        print(json.dumps("ready"), file=answers, flush=True)
        for line in sys.stdin:
            question = json.loads(line)
            filter_ = made[question["words"]]
            documents = [
                Document(text=text, id=str(at)) for at, text in enumerate(question["texts"])
            ]
            begin = time.process_time()
            kept = [filter_.filter(document) for document in documents]
            seconds = time.process_time() - begin
            answer = {"flagged": [one is not True for one in kept], "seconds": seconds}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
