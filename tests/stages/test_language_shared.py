"""The goals for languages, on real documents: 99 % in the right domain, 99.5 % in the right script.

benchmarks/language.py says the same of all documents, and benchmarks/labelled.py what is right.
"""

from __future__ import annotations

import collections
import sys
from pathlib import Path

import pytest
from stage_batches import batch_of, scored

from skypile.stages.counts import Counts
from skypile.stages.language import Language

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import labelled

# Of rare kinds all are read: one in eight would leave too few to tell 98 from 99 %.
EVERY, RARE = 8, 1000


def documents(data: Path) -> dict[str, list[labelled.Document]]:
    """Return kind -> documents of over 200 characters with a goal."""
    kinds: dict[str, list[labelled.Document]] = collections.defaultdict(list)
    kinds["snippets"] = labelled.snippets(data / "lid" / "dev.jsonl.zst")
    for _, pages in labelled.corpus(data / "corpus"):
        for page in pages:
            kinds[page.expected].append(page)
        kinds["blocks"] += labelled.blocks(pages)
        kinds["named"] += labelled.named(pages)
    goal = {
        kind: [each for each in found if each.table == "goal" and len(each.text) > 200]
        for kind, found in kinds.items()
    }
    return {
        kind: found if len(found) < RARE else found[::EVERY]
        for kind, found in goal.items()
        if found
    }


@pytest.fixture(scope="module")
def judged(shared_data):
    """Kind -> (document, columns) of each of its documents."""
    found = {}
    for kind, kept in documents(shared_data).items():
        rows = []
        for start in range(0, len(kept), 500):
            part = kept[start : start + 500]
            batch = batch_of([each.text for each in part], [each.prog_lang for each in part])
            columns = scored(batch, [Counts(), Language()]).select(["domain", "script"])
            rows += zip(part, columns.to_pylist(), strict=True)
        found[kind] = rows
    return found


@pytest.mark.parametrize("kind", ["snippets", "en", "zh", "code", "other", "blocks", "named"])
def test_domains(judged, kind):
    by_domain = collections.defaultdict(list)
    for document, row in judged[kind]:
        right = (row["domain"] or "other") == document.expected
        by_domain[document.expected].append((right, document.place))
    for expected, found in by_domain.items():
        right = sum(good for good, _ in found)
        wrong = [place for good, place in found if not good]
        assert right >= 0.99 * len(found), (expected, len(found), wrong[:20])


def test_scripts(judged):
    by_script = collections.defaultdict(list)
    for rows in judged.values():
        for document, row in rows:
            if document.script and row["domain"] == "zh":
                by_script[document.script].append(row["script"] == document.script)
    assert set(by_script) == {"Hans", "Hant"}
    for script, found in by_script.items():
        assert sum(found) >= 0.995 * len(found), (script, len(found))
