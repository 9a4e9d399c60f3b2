"""Write the golden scores of all stages anew: ``python tests/golden/write.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "stages"))

from stage_batches import REWRITING, STAGES, URL_LISTS, batch_of, scored, url_scores  # noqa: E402 - their folder comes first
from stage_texts import TEXTS  # noqa: E402

from skypile.stage import Stage  # noqa: E402


def main() -> None:
    """Overwrite the files."""
    plain = batch_of([text for text, _ in TEXTS.values()], [lang for _, lang in TEXTS.values()])
    scored_once = scored(plain)
    for stage in (*STAGES, *REWRITING):
        batch = scored_once if stage in STAGES else scored(plain, [stage])
        rows = dict(zip(TEXTS, batch.select(list(stage.writes)).to_pylist(), strict=True))
        write(stage, rows)
    write(URL_LISTS, url_scores())


def write(stage: Stage, rows: object) -> None:
    """Write the golden file of a stage."""
    data = {"version": type(stage).version, "scores": rows}
    text = json.dumps(data, ensure_ascii=False, indent=0)
    (HERE / f"{stage.name}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
