"""``beam run FILE [options]``: run a pipeline file; options are passed through to its `main`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from skypile import interrupts
from skypile.cli.main import guarded
from skypile.errors import UsageError

__all__ = ["run"]

USAGE = """usage: beam run FILE [options]

Run the pipeline file FILE: its main(argv) is called with the options.

options that are the same for every pipeline of SkyPile:
  --runner=NAME   Direct (default), Dataflow, Flink, Spark, Portable or Prism
  --help          the options of FILE
"""


def run(argv: Sequence[str] | None = None) -> int:
    """Run the console script `beam`; return the exit code."""
    if argv is None:
        interrupts.install("beam")
    return guarded("beam", lambda: _run(list(sys.argv[1:] if argv is None else argv)))


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return 0 if argv else 2
    if argv[0] != "run" or len(argv) < 2:
        raise UsageError(f"expected: beam run FILE [options]; got: beam {' '.join(argv)}")
    return load_main(argv[1])(argv[2:])


def load_main(file: str) -> Callable[[list[str]], int]:
    """Return the `main` of a pipeline file.

    The file is imported under a real module name: workers can then import what it defines.
    """
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{file}: there is no such pipeline file")
    name = f"pipeline_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file}: a pipeline file is a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise UsageError(f"{file}: cannot be imported: {error}") from error
    main = getattr(module, "main", None)
    if not callable(main):
        raise UsageError(f"{file}: has no function main(argv)")
    return main  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(run())
