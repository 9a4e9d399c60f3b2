"""Make the corpus of hostile files, and show what SkyPile does with each.

python tests/hostile/files.py FOLDER            make the files
python tests/hostile/files.py FOLDER --table    and run filter and build on each; Markdown
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# Each of these modules adds its files to the cases.
import hostile_fields  # noqa: F401
import hostile_lines  # noqa: F401
import hostile_packed  # noqa: F401
import hostile_tables  # noqa: F401
import hostile_trees  # noqa: F401
from hostile_cases import CASES, Case, Expected

__all__ = ["make"]


def make(folder: Path, cases: list[Case]) -> dict[str, Expected]:
    """Write the files of `cases` into `folder`; return what must come out of each, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    return {case.name: case.make(folder / case.name) for case in cases}


def main() -> None:
    """Make all files in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", action="store_true", help="run filter and build on each file")
    args = parser.parse_args()
    make(args.folder, CASES)


if __name__ == "__main__":
    main()
