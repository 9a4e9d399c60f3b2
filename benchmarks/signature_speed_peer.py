"""The peers' part of signature_speed.py, run with a Python that has them and not SkyPile.

Reads one command a line from stdin, ``NAME speed`` or ``NAME accuracy``, and answers in JSON: CPU
seconds over the texts, or the estimates of the pairs. The file named by the one argument is JSON:
`language` (en or zh), `texts`, and `pairs` of texts.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from datasketch import MinHash
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from rensa import RMinHash

VALUES, SEED = 128, 1
WORD = re.compile(r"\w+")
HAN = re.compile(r"[\u4e00-\u9fff]")


def shingles(text: str, language: str) -> list[str]:
    """Return 5-shingles of words, or of Han characters, as a user of these libraries cuts them."""
    if language == "zh":
        joined = "".join(HAN.findall(text))
        return [joined[at : at + 5] for at in range(max(len(joined) - 4, 1))]
    words = WORD.findall(text.lower())
    return [" ".join(words[at : at + 5]) for at in range(max(len(words) - 4, 1))]


def datasketch(cut: Sequence[list[str]]) -> list[Any]:
    """Return datasketch's values of each list of shingles."""
    sets = [[one.encode() for one in each] for each in cut]
    found = MinHash.bulk(
        sets, num_perm=VALUES, scheme="affine32", hashfunc=xxhash.xxh32_intdigest, seed=SEED
    )
    return [each.hashvalues for each in found]


def rensa(cut: Sequence[list[str]]) -> list[Any]:
    """Return rensa's values of each list of shingles."""
    return [np.array(each) for each in RMinHash.digests_from_token_sets(cut, VALUES, SEED)]


def main() -> None:
    """Answer commands until there are no more."""
    data = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    language = data["language"]
    config = MinhashConfig(num_buckets=16, hashes_per_bucket=8)
    stage = MinhashDedupSignature(
        "/nonexistent", config, language={"en": "eng", "zh": "zho"}[language]
    )

    def datatrove(texts: Sequence[str]) -> list[Any]:
        return [np.ravel(stage.get_signature(stage.get_shingles(text))) for text in texts]

    def from_text(values: Callable[[Sequence[list[str]]], list[Any]]) -> Callable[..., list[Any]]:
        return lambda texts: values([shingles(text, language) for text in texts])

    programs: dict[str, Callable[[Any], list[Any]]] = {
        "datasketch, from text": from_text(datasketch),
        "datasketch, shingles given": datasketch,
        "rensa, from text": from_text(rensa),
        "rensa, shingles given": rensa,
        "datatrove": datatrove,
    }
    cut = [shingles(text, language) for text in data["texts"]]
    for line in sys.stdin:
        name, _, what = line.strip().rpartition(" ")
        program = programs[name]
        if what == "speed":
            given = cut if name.endswith("given") else data["texts"]
            begun = time.process_time()
            program(given)
            answer: Any = time.process_time() - begun
        else:
            sides = [[pair[side] for pair in data["pairs"]] for side in (0, 1)]
            if name.endswith("given"):
                sides = [[shingles(text, language) for text in side] for side in sides]
            left, right = (program(side) for side in sides)
            answer = [float(np.mean(one == two)) for one, two in zip(left, right, strict=True)]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
