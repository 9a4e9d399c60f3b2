"""datatrove's part of end_to_end.py, run with a Python that has datatrove and not SkyPile.

    python end_to_end_peer.py FILE.parquet LID176

Each step sees every document, whatever another one says of it: GopherRepetitionFilter,
GopherQualityFilter, FineWebQualityFilter, C4QualityFilter, PIIFormatter, LanguageFilter and the
MinHash signature (16 x 8 values, word 5-grams), all with their defaults (English tokenizer). Prints
CPU seconds by step as JSON; loading and a first document are not counted.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

FILTERS = (
    ("gopher_repetition_filter", "GopherRepetitionFilter"),
    ("gopher_quality_filter", "GopherQualityFilter"),
    ("fineweb_quality_filter", "FineWebQualityFilter"),
    ("c4_filters", "C4QualityFilter"),
)
WARM_UP = "A ship lies in the harbour. It waits for the tide, and the tide is late."


def steps(model: str) -> dict[str, Callable[[Any], object]]:
    """Return step -> what it does with a document."""
    import fasttext.FastText
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.filters import LanguageFilter
    from datatrove.pipeline.formatters import PIIFormatter

    found: dict[str, Callable[[Any], object]] = {}
    for module, name in FILTERS:
        kind = getattr(importlib.import_module(f"datatrove.pipeline.filters.{module}"), name)
        found[name] = kind().filter
    pii = PIIFormatter()
    found["PIIFormatter"] = lambda doc: pii.format(doc.text)
    language = LanguageFilter()
    language.model._model = fasttext.FastText._FastText(model)
    found["LanguageFilter"] = language.filter
    signature = MinhashDedupSignature(
        "/tmp", config=MinhashConfig(num_buckets=16, hashes_per_bucket=8, n_grams=5)
    )

    def sign(doc: Any) -> object:
        shingles = signature.get_shingles(doc.text)
        return signature.get_signature(shingles) if shingles.size else None

    found["MinhashDedupSignature"] = sign
    return found


def main() -> None:
    """Print the seconds."""
    import pyarrow.parquet as pq
    from datatrove.data import Document

    texts = pq.read_table(sys.argv[1]).column("text").to_pylist()
    spent = {}
    for name, step in steps(sys.argv[2]).items():
        step(Document(WARM_UP, "warm up"))
        begun = time.process_time()
        for number, text in enumerate(texts):
            # C4QualityFilter writes to the text: each step gets its own.
            step(Document(text, str(number)))
        spent[name] = time.process_time() - begun
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
